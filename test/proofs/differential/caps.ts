/** Drops capabilities of this thread for the length of one load (capset(2) on the effective set) and takes them back. */
import type { Generated } from './generate.ts';
import type { WithCaps } from './sides.ts';

const VERSION_3 = 0x20080522;
const CAP_NET_ADMIN = 12;
const CAP_BPF = 39;
const KEPT: Readonly<Record<Generated['caps'] | 'none', readonly number[]>> = {
  none: [],
  all: [],
  bpf: [CAP_BPF],
  net: [CAP_BPF, CAP_NET_ADMIN],
};

interface Koffi {
  load(path: string): { func(definition: string): (...args: unknown[]) => number };
}

export async function openCaps(): Promise<WithCaps | undefined> {
  if (process.platform !== 'linux') return undefined;
  const module = (await import('koffi')) as unknown as { default: Koffi };
  const libc = module.default.load('libc.so.6');
  const capget = libc.func('int capget(void *header, _Out_ uint8_t *data)');
  const capset = libc.func('int capset(void *header, void *data)');
  const header = new Uint8Array(Uint32Array.of(VERSION_3, 0).buffer);
  const had = new Uint8Array(24);
  if (capget(header, had) !== 0) return undefined;
  return (caps, run) => {
    if (caps === 'all') return run();
    // Two halves of effective, permitted, inheritable.
    const less = had.slice();
    const words = new Uint32Array(less.buffer);
    words[0] = words[3] = 0;
    for (const cap of KEPT[caps]) words[cap < 32 ? 0 : 3] |= 1 << (cap & 31);
    if (capset(header, less) !== 0) throw new Error('capset is refused');
    try {
      return run();
    } finally {
      capset(header, had);
    }
  };
}
