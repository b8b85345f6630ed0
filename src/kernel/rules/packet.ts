/** Which packets programs of a type run on; the same in all versions. */
import { PROG_ROWS } from './rows/progs/all.ts';
import type { ProgTypeRow } from './rows/progs/row.ts';

export type PacketKind = NonNullable<ProgTypeRow['packet']>;

/** By number of the program type: helpers ask for each packet. */
const ROWS: readonly (ProgTypeRow | undefined)[] = PROG_ROWS.reduce<(ProgTypeRow | undefined)[]>((rows, row) => {
  rows[row.type] = row;
  return rows;
}, []);
const KINDS: readonly (PacketKind | undefined)[] = Array.from(ROWS, (row) => row?.packet);
const SKBS: readonly boolean[] = Array.from(ROWS, (row) => row?.ctxStruct === '__sk_buff');

/** Packets of a program type; undefined for those that run on none. */
export const packetKind = (progType: number): PacketKind | undefined => KINDS[progType];

/** Whether a program type's context is a socket buffer. */
export const hasSkb = (progType: number): boolean => SKBS[progType] === true;
