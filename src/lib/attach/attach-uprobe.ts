/** Attaching to places of binaries: `/path/to/file:symbol+offset`, or many symbols at once by a pattern. */
import { BpfError, loaderError } from '../errors.ts';
import { fileOf, ruleOf, type Target, throughPerf, words } from './attach-perf.ts';
import { createLink, type Link } from './link.ts';

/** Where the perf event's `config` has the offset of the semaphore. */
const SEMAPHORE_SHIFT = 32n;

export function uprobe(on: Target, returns: boolean): Link {
  const { sys, options, op } = on;
  const { path, symbol } = placeOf(on);
  const [name, plus] = symbol.split('+');
  const more = options.offset ?? Number(plus ?? 0);
  if (!Number.isInteger(more) || more < 0) throw loaderError(op, 'EINVAL', `${symbol} is no place`);
  const offset = (name === '' ? 0 : offsetOf(on, path, name)) + more;
  const unit = '/sys/bus/event_source/devices/uprobe';
  const bit = Number(/^config:(\d+)/.exec(fileOf(sys, `${unit}/format/retprobe`, op))?.[1] ?? 0);
  return throughPerf(on, {
    type: Number(fileOf(sys, `${unit}/type`, op)),
    config: (returns ? 1n << BigInt(bit) : 0n) | (BigInt(options.semaphore ?? 0) << SEMAPHORE_SHIFT),
    probe_name: path,
    probe_offset: BigInt(offset),
    ...(options.pid === undefined ? {} : { pid: options.pid, cpu: -1 }),
  });
}

export function uprobeMulti(on: Target, attachType: number, flags: number): Link {
  const { sys, prog, options, op } = on;
  const { path, symbol } = placeOf(on);
  const offsets = options.offsets ?? (options.functions ?? [symbol]).flatMap((name) => fitting(on, path, name));
  if (offsets.length === 0) throw loaderError(op, 'ENOENT', `nothing in ${path} fits`);
  const given = {
    ...(options.cookies === undefined ? {} : { cookies: words(options.cookies) }),
    ...(options.semaphore === undefined
      ? {}
      : { ref_ctr_offsets: words(offsets.map(() => BigInt(options.semaphore ?? 0))) }),
    ...(options.pid === undefined ? {} : { pid: options.pid }),
  };
  const uprobe_multi = { path, offsets: words(offsets.map(BigInt)), flags, ...given };
  return createLink(sys, { prog_fd: prog.fd, attach_type: attachType, uprobe_multi }, op);
}

/** The file, and what the section or the options say of the place in it. */
function placeOf({ options, target, prog, op }: Target): { readonly path: string; readonly symbol: string } {
  const colon = target.lastIndexOf(':');
  const path = options.binary ?? (colon < 0 ? target : target.slice(0, colon));
  const symbol = options.function ?? (colon < 0 ? '' : target.slice(colon + 1));
  if (path === '') throw loaderError(op, 'EINVAL', `its section ${prog.spec.section} names no binary`);
  return { path, symbol };
}

function symbolsOf({ sys, op }: Target, path: string): Readonly<Record<string, number>> {
  if (sys.symbolsOf === undefined)
    throw loaderError(op, 'EOPNOTSUPP', 'this door reads no symbols: give offsets in the file');
  const symbols = sys.symbolsOf(path);
  if (typeof symbols === 'number') throw new BpfError({ errno: -symbols, op, detail: path });
  return symbols;
}

function offsetOf(on: Target, path: string, name: string): number {
  const symbols = symbolsOf(on, path);
  if (!Object.hasOwn(symbols, name)) throw loaderError(on.op, 'ENOENT', `${path} has no symbol ${name}`);
  return symbols[name];
}

function fitting(on: Target, path: string, name: string): readonly number[] {
  if (!/[*?]/.test(name)) return [offsetOf(on, path, name)];
  const rule = ruleOf(name);
  return Object.entries(symbolsOf(on, path)).flatMap(([symbol, offset]) => (rule.test(symbol) ? [offset] : []));
}
