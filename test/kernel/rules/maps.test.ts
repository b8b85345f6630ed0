/** Map types against helpers and program types, as Linux 6.18 answered (scripts/probe-args.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BPF_SPIN_LOCK, BPF_TIMER } from '../../../src/btf/record.ts';
import { HELPER_MAP_TYPES, MAP_TYPES, mapHelperAllowed, mapProgRefusal } from '../../../src/kernel/rules/maps.ts';
import { ALL_CAPS, type ProgQuery } from '../../../src/kernel/rules/prog-type.ts';
import { findProfile, profileNames } from '../../../src/kernel/rules/profiles.ts';
import { BPF_FUNC } from '../../../src/uapi/helper-ids.ts';
import { BPF_MAP_TYPE } from '../../../src/uapi/map-types.ts';

const fixture = JSON.parse(readFileSync(new URL('./fixtures/maps.json', import.meta.url), 'utf8')) as {
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
          const mine = mapHelperAllowed(t, name, query(progType, attach)) === 'ok';
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
    for (const helper of Object.keys(HELPER_MAP_TYPES)) expect(names.has(helper), helper).toBe(true);
    for (const row of Object.values(MAP_TYPES))
      for (const helper of row.helpers ?? []) expect(names.has(helper), helper).toBe(true);
  });

  it('keep away from program types that must not use them', () => {
    const SYSCALL = 31;
    const usable = fixture.types.filter((t) => mapProgRefusal(t, 0, query(SYSCALL, 0, true)) === undefined);
    // Recorded: maps that a sleepable program may name.
    expect(usable).toEqual([1, 2, 5, 6, 9, 10, 12, 13, 22, 23, 27, 31]);
    expect(mapProgRefusal(1, BPF_SPIN_LOCK, query(1))).toBe('socket filter progs cannot use bpf_spin_lock yet');
    expect(mapProgRefusal(1, BPF_TIMER, query(2))).toBe('tracing progs cannot use bpf_timer yet');
    expect(mapProgRefusal(1, BPF_SPIN_LOCK | BPF_TIMER, query(6))).toBeUndefined();
  });
});

describe('profiles', () => {
  it('are found by name', () => {
    expect(profileNames()).toEqual(['6.18']);
    expect(findProfile('6.18')?.limits.maxTailCalls).toBe(33);
    expect(findProfile('5.4')).toBeUndefined();
  });
});
