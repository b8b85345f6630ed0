/** Map types against helpers and program types, as Linux 6.18 answered (scripts/probe-args.py). */
import { describe, expect, it } from 'vitest';
import { BPF_SPIN_LOCK, BPF_TIMER } from '../../../../src/btf/record.ts';
import { mapHelperAllowed, mapProgRefusal } from '../../../../src/kernel/rules/map-use.ts';
import { MAP_TYPES } from '../../../../src/kernel/rules/rows/maps.ts';
import { ALL_CAPS, type ProgQuery } from '../../../../src/kernel/rules/prog-type.ts';
import { BPF_FUNC } from '../../../../src/uapi/helper-ids.ts';
import { BPF_MAP_TYPE, PER_CPU_MAP_TYPES } from '../../../../src/uapi/map-types.ts';
import { LINUX_6_18 } from '../kernels.ts';

const fixture = LINUX_6_18.recorded('maps.json') as {
  types: number[];
  /** Map types that the helper took, and those that it refused for their sizes or contents. */
  rows: [keys: string[], [taken: number[], unclear: number[]]][];
};
const NAMES = new Map<number, string>(Object.entries(BPF_FUNC).map(([k, v]) => [v, k.replace('BPF_FUNC_', '')]));

function query(progType: number, expectedAttachType = 0, sleepable = false): ProgQuery {
  return { progType, expectedAttachType, caps: ALL_CAPS, sleepable, gplCompatible: true, attachBtfName: '' };
}

describe('maps', () => {
  it('go to the helpers that take them', () => {
    const wrong: string[] = [];
    for (const [keys, [taken, unclear]] of fixture.rows)
      for (const key of keys) {
        const [id, progType, attach] = key.split(/[@:]/).map(Number);
        const name = NAMES.get(id) as string;
        for (const t of fixture.types) {
          if (unclear.includes(t)) continue;
          const mine = mapHelperAllowed(t, id, query(progType, attach)) === 'ok';
          if (mine !== taken.includes(t)) wrong.push(`${key} ${name} map type ${t}: kernel ${!mine}, table ${mine}`);
        }
      }
    expect(wrong).toEqual([]);
  });

  it('have a row for every type, and rows name helpers that exist', () => {
    const types = new Set(Object.values(BPF_MAP_TYPE).filter((t) => t !== 0));
    expect(
      Object.keys(MAP_TYPES)
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual([...types].sort((a, b) => a - b));
    const names = new Set(NAMES.values());
    for (const row of Object.values(MAP_TYPES))
      for (const helper of row.helpers ?? []) expect(names.has(helper), helper).toBe(true);
  });

  it('have values for each CPU where the user side sizes them so', () => {
    const perCpu = Object.keys(MAP_TYPES).filter((type) => MAP_TYPES[Number(type)].perCpu === true);
    expect(perCpu.map(Number).sort((a, b) => a - b)).toEqual([...PER_CPU_MAP_TYPES].sort((a, b) => a - b));
  });

  it('keep away from program types that must not use them', () => {
    const SYSCALL = 31;
    const usable = fixture.types.filter((t) => mapProgRefusal(t, 0, query(SYSCALL, 0, true)) === undefined);
    // Recorded: maps that a sleepable program may name.
    expect(usable).toEqual([1, 2, 5, 6, 9, 10, 12, 13, 22, 23, 27, 31]);
    expect(mapProgRefusal(1, BPF_SPIN_LOCK, query(1))).toBe('lock-in-socket-filter');
    expect(mapProgRefusal(1, BPF_TIMER, query(2))).toBe('timer-in-tracing');
    expect(mapProgRefusal(1, BPF_SPIN_LOCK | BPF_TIMER, query(6))).toBeUndefined();
  });
});
