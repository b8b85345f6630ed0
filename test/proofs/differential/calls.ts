/** Fragments that call: helpers with memory arguments, static and global functions, callbacks. */
import * as op from '../../../src/isa/opcodes.ts';
import { BUFFER, BUFFER_SIZE, type Frame, type Label, NUM, type Place } from './frame.ts';
import { FUNC, MAP, MAPS, type PendingFunction, type Program } from './generate.ts';
import { initBuffer, key, loadMap } from './memory.ts';
import { bound, constant, mutable } from './scalars.ts';

const MAX_FUNCTIONS = 6;

/** A pointer to memory in r`arg` and its room: the stack buffer or a map value. */
function memory(f: Frame, arg: number): number {
  const vals = f.having('val').filter((r) => r >= 6 && f.regs[r].room >= 8);
  if (vals.length > 0 && f.rng.chance(40)) {
    const src = f.rng.pick(vals);
    f.mov(arg, src);
    return f.regs[src].room;
  }
  if (f.rng.chance(85)) initBuffer(f);
  f.mov(arg, 10);
  f.addImm(arg, BUFFER);
  return BUFFER_SIZE;
}

/** A size in r`arg`: a constant or a bounded number in r6 to r9. */
function size(f: Frame, arg: number, room: number, from: number, step: number): void {
  if (from < 0)
    f.movImm(arg, Math.max(step, Math.floor((f.rng.between(1, room) + (f.rng.chance(3) ? 8 : 0)) / step) * step));
  else {
    f.mov(arg, from);
    bound(f, arg, room);
    if (step > 1) f.code.emit(op.BPF_ALU64 | op.BPF_AND | op.BPF_K, arg, 0, 0, -step);
  }
}

/** A helper with memory and size arguments (T8). */
export function helper(p: Program, f: Frame): void {
  const { rng } = f;
  p.hit('T8');
  const number = mutable(p, f);
  // Calls take r0 to r5; numbers for sizes must survive the setup of the other arguments.
  const from = rng.chance(55) && number >= 6 ? number : -1;
  const kind = rng.weighted([
    [p.tracing ? 6 : p.perfmon ? 2 : 0, 'probe_read'],
    [p.packet === undefined ? 0 : 4, 'csum_diff'],
    [3, 'update'],
    [1, 'delete'],
    [2, 'comm'],
    [1, 'cpu'],
    [p.skb ? 4 : 0, 'skb_load'],
    [p.skb && p.packetWrite ? 2 : 0, 'pull'],
    [p.xdp ? 3 : 0, 'adjust'],
  ] as const);
  if (kind === 'probe_read') {
    const room = memory(f, 1);
    size(f, 2, room, from, 1);
    f.movImm(3, rng.pick([0, 16, -1]));
    f.call(rng.pick([112, 113, 114, 115]));
  } else if (kind === 'csum_diff') {
    f.movImm(1, 0);
    f.movImm(2, 0);
    const room = memory(f, 3);
    size(f, 4, room, from, 4);
    f.movImm(5, 0);
    f.call(28);
  } else if (kind === 'update') {
    const map = rng.below(MAP.plain);
    key(f);
    loadMap(f, 1, map);
    const big = f.having('val').filter((r) => r >= 6 && f.regs[r].room >= MAPS[map].valueSize);
    if (big.length > 0) f.mov(3, rng.pick(big));
    else memory(f, 3);
    f.movImm(4, 0);
    f.call(2);
  } else if (kind === 'delete') {
    key(f);
    loadMap(f, 1, rng.below(MAP.plain));
    f.call(3);
  } else if (kind === 'comm') {
    const room = memory(f, 1);
    size(f, 2, room, from, 1);
    f.call(16);
  } else if (kind === 'cpu') f.call(8);
  else {
    const [ctx] = f.having('ctx');
    if (ctx === undefined) return;
    if (ctx !== 1 && ctx < 6) f.mov(1, ctx);
    if (kind === 'skb_load') {
      f.movImm(2, rng.pick([0, 14, 1, -1]));
      const room = memory(f, 3);
      size(f, 4, room, from, 1);
      if (ctx >= 6) f.mov(1, ctx);
      f.call(26);
    } else if (kind === 'pull') {
      f.movImm(2, rng.pick([0, 64]));
      if (ctx >= 6) f.mov(1, ctx);
      f.call(39);
      f.dropPackets();
    } else {
      f.movImm(2, rng.pick([-8, 8, 0]));
      if (ctx >= 6) f.mov(1, ctx);
      f.call(rng.pick([44, 65]));
      f.dropPackets();
    }
  }
  f.clobber();
  if (!f.frozen.has(0)) f.set(0, NUM);
}

function newFunction(
  p: Program,
  f: Frame,
  role: PendingFunction['role'],
  args: Place[],
  func: number,
): PendingFunction {
  const fn: PendingFunction = { label: { at: -1 }, role, args, func, depth: f.callDepth + 1 };
  p.pending.push(fn);
  p.functions.push(fn);
  return fn;
}

/** A call of a function of the program, old or new. */
export function callFunction(p: Program, f: Frame): void {
  const { rng } = f;
  const old = p.functions.filter((fn) => fn.depth > f.callDepth && (fn.role === 'static' || fn.role === 'global'));
  let fn: PendingFunction;
  if (old.length > 0 && rng.chance(60)) fn = rng.pick(old);
  else {
    if (p.functions.length >= MAX_FUNCTIONS || f.callDepth >= 3) return;
    const global = p.btf && rng.chance(30);
    const vals = f.having('val').filter((r) => r >= 6);
    const first: Place =
      !global && vals.length > 0 && rng.chance(50) ? { kind: 'val', room: f.regs[vals[0]].room } : NUM;
    const second: Place = global
      ? { kind: 'val', room: 8 }
      : rng.chance(30) && f.having('ctx').length > 0
        ? { kind: 'ctx', room: 0 }
        : NUM;
    fn = newFunction(p, f, global ? 'global' : 'static', [first, second], global ? FUNC.global : FUNC.static);
  }
  const chosen = fn.args.map((want) =>
    rng.pick([...f.regs.keys()].filter((r) => r >= 6 && f.regs[r].kind === want.kind && f.regs[r].room >= want.room)),
  );
  const wanted = fn.args.map((a) => a.kind);
  if (wanted.includes('ctx') && chosen[wanted.indexOf('ctx')] === undefined) return;
  fn.args.forEach((want, i) => {
    const src: number | undefined = chosen[i];
    if (src !== undefined) f.mov(i + 1, src);
    else if (want.kind === 'num') f.movImm(i + 1, constant(f));
    else {
      f.mov(i + 1, 10);
      f.addImm(i + 1, BUFFER);
    }
  });
  if (chosen.some((src, i) => src === undefined && fn.args[i].kind === 'val' && fn.args[i].room > BUFFER_SIZE)) return;
  p.hit(fn.role === 'global' ? 'global' : 'call');
  if (wanted.includes('val')) for (let i = 0; i < BUFFER_SIZE; i += 8) f.storeImm(op.BPF_DW, 10, BUFFER + i, 0);
  f.code.emit(op.BPF_JMP | op.BPF_CALL, 0, op.BPF_PSEUDO_CALL, 0, 0, fn.label);
  f.clobber();
  if (!f.frozen.has(0)) f.set(0, NUM);
}

/** The same function from many places. */
export function callMany(p: Program, f: Frame): void {
  for (let n = f.rng.between(4, 9); n > 0; n--) callFunction(p, f);
}

/** bpf_loop() or bpf_for_each_map_elem() with a callback that may use the caller's stack through its context. */
export function callback(p: Program, f: Frame): void {
  const { rng } = f;
  if (!p.btf || f.callDepth >= 2 || p.functions.length >= MAX_FUNCTIONS) return;
  p.hit('callback');
  const each = rng.chance(30);
  const ctx: Place = { kind: 'val', room: 32 };
  const fn = each
    ? newFunction(
        p,
        f,
        'each',
        [{ kind: 'none', room: 0 }, { kind: 'rdonly', room: 4 }, { kind: 'val', room: MAPS[0].valueSize }, ctx],
        FUNC.each,
      )
    : newFunction(p, f, 'loop', [NUM, ctx], FUNC.loop);
  initBuffer(f);
  if (each) {
    loadMap(f, 1, 0);
  } else {
    const nums = f.having('num').filter((r) => r >= 6);
    if (nums.length > 0 && rng.chance(50)) {
      f.mov(1, rng.pick(nums));
      if (rng.chance(50)) bound(f, 1, 100);
    } else f.movImm(1, rng.pick([1, 2, 10, 100, 1 << 23, 0]));
  }
  f.code.emit(op.BPF_LD | op.BPF_DW | op.BPF_IMM, 2, op.BPF_PSEUDO_FUNC, 0, 0, fn.label);
  f.code.emit(0);
  f.mov(3, 10);
  f.addImm(3, BUFFER);
  f.movImm(4, 0);
  f.call(each ? 164 : 181);
  f.clobber();
  if (!f.frozen.has(0)) f.set(0, NUM);
}

export type { Label };
