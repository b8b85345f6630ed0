/** Test runs that take a context alone: which members of the attribute raw tracepoints and syscall programs refuse. */
import { BPF_F_SLEEPABLE } from '../../../../src/uapi/flags.ts';
import { BPF_PROG_TYPE as T } from '../../../../src/uapi/prog-types.ts';
import type { RecordedRun } from '../recorded-run-cases.ts';

const TYPES = [
  ['raw_tp', { progType: T.BPF_PROG_TYPE_RAW_TRACEPOINT }],
  ['syscall', { progType: T.BPF_PROG_TYPE_SYSCALL, progFlags: BPF_F_SLEEPABLE, ctxBack: true }],
] as const;
/** Offset and width of what a program reads of its context. */
const READS = [undefined, [0, 'u64'], [8, 'u64'], [80, 'u64'], [88, 'u64']] as const;
const SIZES = [0, 1, 7, 8, 12, 15, 16, 88, 95, 96, 97, 4096, 65535, 65536];
const MEMBERS: readonly (readonly [string, RecordedRun['attr']])[] = [
  ['data_in', { data_in: new Uint8Array(16) }],
  ['data_out', { data_out: new Uint8Array(16) }],
  ['ctx_out', { ctx_out: new Uint8Array(16) }],
  ['repeat 1', { repeat: 1 }],
  ['repeat 2', { repeat: 2 }],
  ['flags 1', { flags: 1 }],
  ['flags 2', { flags: 2 }],
  ['cpu 1', { cpu: 1 }],
  ['cpu 4000', { cpu: 4000 }],
  ['flags 1, cpu 4000', { flags: 1, cpu: 4000 }],
  ['batch_size', { batch_size: 1 }],
  ['duration', { duration: 1 }],
];

function runs(): RecordedRun[] {
  const out: RecordedRun[] = [];
  const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i * 3 + 1);
  for (const [type, shared] of TYPES) {
    for (const read of READS) {
      const load = read === undefined ? 'r0 = 7' : `r0 = *(${read[1]} *)(r1 +${read[0]})`;
      for (const size of SIZES) {
        const name = `${type} that reads ${read?.[0] ?? 'nothing'}, ${size} bytes`;
        out.push({ ...shared, name, asm: `${load}\nexit`, ...(size ? { ctx: bytes(size) } : {}), ctxBack: size > 0 });
      }
    }
    for (const [name, attr] of MEMBERS)
      out.push({ ...shared, name: `${type} with ${name}`, asm: 'r0 = *(u64 *)(r1 +8)\nexit', ctx: bytes(16), attr });
  }
  out.push({
    ...TYPES[1][1],
    name: 'syscall writes its context',
    asm: 'r2 = 7\n*(u16 *)(r1 +10) = r2\nr0 = 0\nexit',
    ctx: bytes(16),
  });
  return out;
}

export const CTX_RUNS: readonly RecordedRun[] = runs();
