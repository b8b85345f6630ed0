/** Programs whose runs Linux 6.18 recorded (recorded-runs.test.ts), by what they are about. */
import type { TestRunAttr } from '../../../src/uapi/attr/attr.ts';
import { CHECKSUM_RUNS } from './runs/checksum.ts';
import { CTX_RUNS } from './runs/ctx.ts';
import { FLAG_RUNS } from './runs/flags.ts';
import { LD_ABS_RUNS } from './runs/ld-abs.ts';
import { SKB_ROOM_RUNS } from './runs/skb-room.ts';
import { XDP_FRAG_RUNS } from './runs/xdp-frags.ts';

export interface RecordedRun {
  readonly name: string;
  readonly progType: number;
  readonly asm: string;
  readonly progFlags?: number;
  readonly attachType?: number;
  /** The packet, or the size of one whose bytes tell where they lie. */
  readonly data?: number | Uint8Array;
  /** Written into a packet of which the size is given, with 0x45 behind it. */
  readonly ethertype?: number;
  readonly ctx?: ArrayLike<number>;
  /** Size of the output context. */
  readonly ctxOut?: number;
  /** The input context afterwards is an answer, as of syscall programs. */
  readonly ctxBack?: boolean;
  /** Bytes for the packet afterwards. */
  readonly room?: number;
  /** Further members of the attribute. */
  readonly attr?: Partial<TestRunAttr['test']>;
}

export const RECORDED_RUNS: readonly RecordedRun[] = [
  ...LD_ABS_RUNS,
  ...FLAG_RUNS,
  ...CTX_RUNS,
  ...XDP_FRAG_RUNS,
  ...SKB_ROOM_RUNS,
  ...CHECKSUM_RUNS,
];
