/** All helper prototypes of 6.18, compiled from the family tables: by `name` or `name:variant`. */
import { BPF_FUNC } from '../../../../uapi/helper-ids.ts';
import type { FuncProto } from '../../proto.ts';
import type { Versioned } from '../../version.ts';
import { MAP_HELPERS } from './map.ts';
import { NET_HELPERS } from './net.ts';
import type { HelperRow } from './row.ts';
import { SOCK_HELPERS } from './sock.ts';
import { TRACE_HELPERS } from './trace.ts';

const ROWS = { ...MAP_HELPERS, ...TRACE_HELPERS, ...NET_HELPERS, ...SOCK_HELPERS };

/** A prototype's key: the UAPI name without bpf_, with `:variant` where program types differ. */
export type HelperKey = keyof typeof ROWS;

const IDS: Readonly<Record<string, number>> = BPF_FUNC;

/** A prototype with the kernels that have it. */
export type HelperProto = FuncProto & Versioned;

/** A prototype's row, which has neither name nor id. */
export const helperRow = (key: HelperKey): HelperRow => ROWS[key];

const nameOf = (key: HelperKey): string => key.split(':')[0];

/** BPF_FUNC_* id of a prototype. */
export const helperId = (key: HelperKey): number => IDS[`BPF_FUNC_${nameOf(key)}`];

/** A prototype with its name and id. */
export const helperProto = (key: HelperKey): HelperProto => ({ ...ROWS[key], id: helperId(key), name: nameOf(key) });

/** Keys of all prototypes. */
export const helperKeys = (): readonly HelperKey[] => Object.keys(ROWS) as HelperKey[];
