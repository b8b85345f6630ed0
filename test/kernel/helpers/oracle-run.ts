/** One call of a helper as the cases of oracle-cases.ts describe it, and what Linux 6.18 answered. */
import { existsSync, readFileSync } from 'node:fs';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { BUF_SIZE, type OracleCase, UDP4 } from './oracle-cases.ts';
import type { HelperSetup } from './setup.ts';

export interface Answer {
  /** r0, signed; or why the program did not load or run. */
  readonly r0: string;
  readonly buf: string;
  readonly packet?: string;
}

export const ANSWERS = new URL('../../recorded/helpers/oracle-6.18.json', import.meta.url);

/** Recorded answers by the names of cases. */
export const readAnswers = (): Record<string, Answer> =>
  existsSync(ANSWERS) ? (JSON.parse(readFileSync(ANSWERS, 'utf8')) as Record<string, Answer>) : {};

/** Whether the kernel did not get as far as to the call. */
export const isRefused = ({ r0 }: Answer): boolean => r0.startsWith('load') || r0.startsWith('run');

const TEXT_SIZE = 64;
export const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
/** Without the zeros at the end. */
export const trimmed = (bytes: Uint8Array): string => hex(bytes).replace(/(00)+$/, '');
export const padded = (bytes: Uint8Array | undefined, size: number): Uint8Array => {
  const out = new Uint8Array(size);
  if (bytes) out.set(bytes);
  return out;
};
export const textOf = (c: OracleCase): Uint8Array => padded(new TextEncoder().encode(c.text ?? ''), TEXT_SIZE);
export const packets = (c: OracleCase): boolean => c.progType !== T.BPF_PROG_TYPE_RAW_TRACEPOINT;

/** Calls the helper of a case. */
export function askSkep(s: HelperSetup, c: OracleCase): Answer {
  const buf = s.put(padded(c.buf, BUF_SIZE));
  const text = s.put(textOf(c));
  s.env.cpu.run.progType = c.progType;
  const isXdp = c.progType === T.BPF_PROG_TYPE_XDP;
  const packet = c.packet ?? UDP4;
  const ctx = !packets(c) ? undefined : isXdp ? s.xdp(packet) : s.skb(packet);
  const args = c.args.map((arg) => {
    if (arg === 'ctx') return ctx?.addr ?? 0;
    if (typeof arg === 'object') return 'buf' in arg ? buf + arg.buf : text + arg.text;
    return arg;
  });
  const r0 = s.call(c.helper, ...args).toString();
  const after = trimmed(s.env.mem.u8.subarray(buf, buf + BUF_SIZE));
  if (ctx === undefined) return { r0, buf: after };
  // A test run gives XDP metadata out before the packet.
  const meta = 'dataMeta' in ctx ? s.env.mem.u8.slice(ctx.dataMeta, ctx.data) : new Uint8Array(0);
  const packetOut = hex(meta) + hex(ctx.packet());
  ctx.dispose();
  return { r0, buf: after, packet: packetOut };
}
