/** Takers that are written by hand for speed take every field that the layout of their command has, and as the layout says. */
import { describe, expect, test } from 'vitest';
import { takeAttr, takeByLayout } from '../../../src/uapi/attr/take.ts';
import { takeKey, takeNextKey, takeValue } from '../../../src/uapi/attr/take-fast.ts';
import { type AttrField, ATTR_LAYOUTS, type AttrLayout } from '../../../src/uapi/attr/layout.ts';
import { flags32 } from '../../../src/uapi/attr/values.ts';
import { BPF_CMD as C, bpfCmdName } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { copyFromUser, copyToUser } from '../../../src/uapi/attr/user-buffer.ts';

type Fields = Record<string, unknown>;
type Cmd = keyof typeof ATTR_LAYOUTS;
const layoutOf = (cmd: Cmd): AttrLayout => ATTR_LAYOUTS[cmd];
const COMMANDS = Object.keys(ATTR_LAYOUTS).map((cmd) => Number(cmd) as Cmd);

/** Values of a field: such as fit it, and such as do not. */
function values(field: AttrField): readonly unknown[] {
  const nothing = [undefined, null];
  if (field.kind === 'buf' || field.kind === 'log')
    return [...nothing, Uint8Array.of(1, 2, 3), new Uint8Array(0), Buffer.from([5]), [1], 'x', 7, new Uint16Array(2)];
  if (field.kind === 'u64') return [...nothing, 0n, 3n, 1n << 40n, -1n, 5, 1n << 64n, '5', 0.5];
  if (field.kind === 'u32' || field.kind === 's32') return [...nothing, 0, 7, -1, 0xffff_ffff, 2 ** 32, 0.5, 3n, '3'];
  return [...nothing, 'name', 'a\0b', 7];
}

/** Every attribute with one field of any of its values and the others as they should be. */
function* attributes(layout: AttrLayout): Generator<Fields> {
  const given = layout.fields.map((f): [string, unknown] => [f.name, values(f)[2]]);
  const lengths = layout.fields.flatMap((f) => (f.lenName === undefined ? [] : [f.lenName]));
  for (const field of layout.fields)
    for (const value of values(field)) yield { ...Object.fromEntries(given), [field.name]: value };
  for (const length of lengths)
    for (const value of [undefined, null, 0, 9, -1, 'x']) yield { ...Object.fromEntries(given), [length]: value };
}
const inGroup = ({ group }: AttrLayout, fields: Fields): Fields => (group === '' ? fields : { [group]: fields });
const known = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

describe.each(COMMANDS.map((cmd) => [bpfCmdName(cmd), cmd] as const))('%s', (_, cmd) => {
  const layout = layoutOf(cmd);

  test('is taken as its layout says', () => {
    for (const fields of attributes(layout)) {
      const taken = takeAttr(cmd, inGroup(layout, fields));
      const plain = takeByLayout(cmd, inGroup(layout, fields));
      if (typeof taken === 'number' || typeof plain === 'number') {
        expect(
          taken,
          JSON.stringify(fields, (_key, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)),
        ).toBe(plain);
        continue;
      }
      const of = (attr: unknown): Fields =>
        known(layout.group === '' ? (attr as Fields) : ((attr as Fields)[layout.group] as Fields));
      const zeros = layout.fields.filter((f) => f.kind === 'u64').map((f): [string, unknown] => [f.name, 0n]);
      expect({ ...Object.fromEntries(zeros), ...of(taken.attr) }).toEqual({
        ...Object.fromEntries(zeros),
        ...of(plain.attr),
      });
    }
  });

  test('its outputs reach the caller, and nothing else does', () => {
    const inputs = Object.fromEntries(layout.fields.map((f) => [f.name, values(f)[2]]));
    for (const take of [takeAttr, takeByLayout]) {
      const given: Fields = { ...inputs };
      const taken = take(cmd, inGroup(layout, given));
      if (typeof taken === 'number') throw new Error(`errno ${taken}`);
      const attr = taken.attr as unknown as Fields;
      const own = layout.group === '' ? attr : (attr[layout.group] as Fields);
      const numbers = layout.fields.filter((f) => f.kind === 'u32' || f.kind === 's32').map((f) => f.name);
      const lengths = layout.fields.flatMap((f) => (f.lenName === undefined ? [] : [f.lenName]));
      for (const name of [...numbers, ...lengths]) own[name] = 77;
      expect(taken.finish?.() ?? 0).toBe(0);
      const outputs = layout.fields.filter((f) => f.dir !== 'in' && numbers.includes(f.name)).map((f) => f.name);
      expect(given).toEqual({ ...inputs, ...Object.fromEntries([...outputs, ...lengths].map((name) => [name, 77])) });
    }
  });
});

type Run = (env: unknown, ...args: unknown[]) => number;
type ElemTaker = (given: unknown, env: unknown, run: Run) => number;
const ELEMENTS: readonly (readonly [Cmd, ElemTaker])[] = [
  [C.BPF_MAP_LOOKUP_ELEM, takeValue],
  [C.BPF_MAP_UPDATE_ELEM, takeValue],
  [C.BPF_MAP_LOOKUP_AND_DELETE_ELEM, takeValue],
  [C.BPF_MAP_DELETE_ELEM, takeKey],
  [C.BPF_MAP_GET_NEXT_KEY, takeNextKey],
];

describe.each(ELEMENTS)('fields that become arguments, command %i', (cmd, take) => {
  const { fields } = layoutOf(cmd);

  test('are all of the layout, in its order', () => {
    for (const given of attributes(layoutOf(cmd))) {
      let args: unknown[] | undefined;
      const answer = take(given, 'env', (env, ...rest) => {
        expect(env).toBe('env');
        args = rest;
        return 5;
      });
      const plain = takeByLayout(cmd, given);
      if (typeof plain === 'number') {
        expect([answer, args]).toEqual([plain, undefined]);
        continue;
      }
      expect(answer).toBe(5);
      const wanted = plain.attr as unknown as Fields;
      const number = (f: AttrField): unknown =>
        f.kind === 'u64' ? flags32(wanted[f.name] as bigint | undefined) : wanted[f.name];
      expect(args?.map((arg) => (ArrayBuffer.isView(arg) ? [...(arg as Uint8Array)] : arg))).toEqual(
        fields.map((f) => (f.kind === 'buf' ? wanted[f.name] && [...(wanted[f.name] as Uint8Array)] : number(f))),
      );
    }
  });

  test('are not read where there is no attribute, and may throw', () => {
    const never: Run = () => {
      throw new Error('called');
    };
    for (const none of [undefined, null, 5, 'x', true, 1n]) expect(take(none, 0, never)).toBe(-ERRNO.EFAULT);
    for (const { name } of fields) {
      const bad = Object.defineProperty({ map_fd: 3 }, name, { get: () => never(0) });
      expect(take(bad, 0, never)).toBe(-ERRNO.EFAULT);
    }
  });
});

describe('buffers of callers', () => {
  class Lies extends Uint8Array {
    override get length(): number {
      return 1000;
    }
    override get byteLength(): number {
      return 1000;
    }
    override subarray(): never {
      throw new Error('subarray');
    }
    override set(): never {
      throw new Error('set');
    }
  }
  const bytes = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => i + 1);

  test.each([0, 1, 4, 8, 9, 16, 100])(
    '%i bytes are copied from and to any Uint8Array, and only where there are as many',
    (n) => {
      for (const more of [0, 1, 30]) {
        const to = new Uint8Array(n);
        expect(copyFromUser(to, new Lies(bytes(n + more)))).toBe(true);
        expect(to).toEqual(bytes(n));
        const out = new Lies(n + more);
        expect(copyToUser(out, bytes(n))).toBe(true);
        expect(Array.from({ length: n + more }, (_, i) => out[i])).toEqual([
          ...bytes(n),
          ...new Array<number>(more).fill(0),
        ]);
      }
      if (n === 0) return;
      expect(copyFromUser(new Uint8Array(n), new Lies(n - 1))).toBe(false);
      expect(copyToUser(new Lies(n - 1), bytes(n))).toBe(false);
    },
  );

  test('memory that was taken away has no bytes', () => {
    for (const n of [4, 64]) {
      const gone = new Uint8Array(n);
      structuredClone(gone.buffer, { transfer: [gone.buffer] });
      expect(copyFromUser(new Uint8Array(n), gone)).toBe(false);
      expect(copyToUser(gone, bytes(n))).toBe(false);
      expect(copyToUser(gone, new Uint8Array(0))).toBe(true);
    }
  });
});
