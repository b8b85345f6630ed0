/** ICMP of both versions of IP. */
import type { Field } from './fields.ts';
import { type LayerDef, num } from './def.ts';

/** The 8 bytes that ICMP messages begin with. */
export interface IcmpFields {
  /** Default: an echo request, 8 or in IPv6 128. */
  readonly type: number;
  readonly code: number;
  /** Default: the right one. */
  readonly checksum: number;
  /** Upper half of the second word: identifier of an echo. Default: 1. */
  readonly id: number;
  /** Lower half of the second word: sequence number of an echo, MTU where a packet is too big. Default: 1. */
  readonly seq: number;
}

const FIELDS: readonly Field[] = [
  { name: 'type', bits: 8 },
  { name: 'code', bits: 8 },
  { name: 'checksum', bits: 16, hex: true },
  { name: 'id', bits: 16, hex: true },
  { name: 'seq', bits: 16 },
];

/** Unreachable, source quench, redirect, time exceeded, parameter problem: they quote the packet. */
const QUOTES = [3, 4, 5, 11, 12];

const wordOf = (type: unknown, echo: readonly number[]): { id: number; seq: number } =>
  echo.includes(type as number) ? { id: 1, seq: 1 } : { id: 0, seq: 0 };

export const ICMP: LayerDef = {
  fields: FIELDS,
  defaults: ({ given: { type = 8 } }) => ({ type, ...wordOf(type, [0, 8]) }),
  next: (values) => (QUOTES.includes(num(values, 'type')) ? 'ipv4' : undefined),
  checksum: { at: 2, covers: 'all' },
};

export const ICMP6: LayerDef = {
  fields: FIELDS,
  defaults: ({ given: { type = 128 } }) => ({ type, ...wordOf(type, [128, 129]) }),
  // Numbers below 128 are errors: they quote the packet.
  next: (values) => (num(values, 'type') < 128 ? 'ipv6' : undefined),
  checksum: { at: 2, covers: 'all', pseudo: { protocol: 58 } },
};
