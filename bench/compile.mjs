#!/usr/bin/env node
/** Compile latency of the JIT: translation, module and first call, for generated programs of several lengths, warm. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle, root } from '../scripts/build.mjs';

/** What is measured lies behind the package's interface: a bundle of its own. */
const internals = join(root, 'coverage/bench');
const sources = {
  insn: 'isa/insn',
  interp: 'kernel/interp/index',
  jit: 'kernel/jit/index',
  module: 'kernel/jit/module',
};
await bundle(sources, internals);
const load = (name) => import(pathToFileURL(join(internals, `${name}.js`)).href);
const { Insns } = await load('insn');
const { createBareLinkage, unverified } = await load('interp');
const { jitCompile } = await load('jit');
const { translate } = await load('module');

const lookup = { kind: 'js', fn() {} };
const linkage = createBareLinkage({ memory: 1 << 24, helpers: new Map([[1, lookup]]) });

/** Loads, arithmetic, forward branches, stack accesses and a map lookup with its null check, in a fixed mix. */
export function generate(length) {
  const rows = [
    [0xbf, 6, 1],
    [0xb7, 0],
    [0xb7, 7],
    [0xb7, 8],
    [0x7a, 10, 0, -8],
  ];
  for (let k = 0; rows.length < length - 12; k++) {
    switch (k % 5) {
      case 0:
        rows.push([0x61, 2, 6, 0], [0x0f, 7, 2], [0xa7, 7, 0, 0, k], [0x67, 7, 0, 0, 3]);
        break;
      case 1:
        rows.push([0x25, 7, 0, 3, 1000 + k], [0x07, 8, 0, 0, k], [0xaf, 8, 7], [0x05, 0, 0, 1], [0x1f, 8, 7]);
        break;
      case 2:
        rows.push([0x7b, 10, 7, -8], [0x79, 3, 10, -8], [0x0c, 3, 8], [0x5f, 7, 3]);
        break;
      case 3:
        rows.push([0x63, 10, 7, -12], [0xbf, 2, 10], [0x07, 2, 0, 0, -12], [0x18, 1, 0, 0, 0x200000], [0, 0, 0, 0, 0]);
        rows.push([0x85, 0, 0, 0, 1], [0x15, 0, 0, 2, 0], [0x79, 1, 0, 0], [0x0f, 8, 1]);
        break;
      default:
        rows.push([0xb4, 4, 0, 0, k], [0x2c, 4, 8], [0xa6, 4, 0, 1, 77], [0x47, 7, 0, 0, 1]);
    }
  }
  rows.push([0xbf, 0, 8], [0x95]);
  return Insns.from(rows.map(([code, dst = 0, src = 0, off = 0, imm = 0]) => ({ code, dst, src, off, imm })));
}

const ports = { mayGotoTick: () => 0, poll() {}, abort() {} };
const micro = (f) => {
  const t0 = performance.now();
  const result = f();
  return [(performance.now() - t0) * 1000, result];
};
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

for (const length of [100, 1000, 10_000, 100_000]) {
  const program = unverified(generate(length), 'generated');
  const rounds = Math.max(5, Math.min(300, 200_000 / length));
  const times = { translate: [], module: [], whole: [] };
  let bytes = 0;
  for (let k = 0; k < rounds; k++) {
    // A constant that differs each time keeps V8's cache of identical modules out of it.
    program.insns.imm[4] = k;
    const [t, { bytes: wasm }] = micro(() => translate(program, linkage, ports, 1 << 20));
    times.translate.push(t);
    times.module.push(micro(() => new WebAssembly.Module(wasm))[0]);
    const [w, r] = micro(() => jitCompile(program, linkage));
    times.whole.push(w);
    r.executable.dispose();
    bytes = wasm.length;
  }
  const show = (name) => `${name} ${median(times[name]).toFixed(0)} us`;
  console.log(
    `${String(program.insns.length).padStart(7)} insns  ${bytes} bytes  ${Object.keys(times).map(show).join('  ')}`,
  );
}
