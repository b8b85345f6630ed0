#!/usr/bin/env node
/**
 * Hooks: what a call costs that nothing is attached to, and how often a second attached programs count.
 *
 *   node bench/hooks.mjs [--ms N]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadPackagedBtf } from '../dist/btf/vmlinux/index.js';
import { createRuntime, parseObject } from '../dist/index.js';
import { root } from '../scripts/build.mjs';

const { values } = parseArgs({ options: { ms: { type: 'string', default: '300' } } });
const least = Number(values.ms);

/** Nanoseconds of one round: the best of seven runs of at least that long. */
function measure(round) {
  let count = 1024;
  let best = Infinity;
  for (let run = 0; run < 7; ) {
    const begin = performance.now();
    round(count);
    const ms = performance.now() - begin;
    if (ms < least / 7) count *= 2;
    else {
      best = Math.min(best, (ms * 1e6) / count);
      run++;
    }
  }
  return best;
}

const report = (what, ns) =>
  console.log(`${what.padEnd(52)} ${ns.toFixed(1).padStart(8)} ns ${(1e3 / ns).toFixed(2).padStart(8)} M/s`);

const object = readFileSync(join(root, 'test/fixtures/hooks/rate.o'));
const kernelBtf = await loadPackagedBtf();
const runtime = createRuntime({ kernelBtf, clock: 'virtual' });
const { trace } = runtime.world;
const collection = parseObject(object).load(runtime, { kernelBtf });

const fn = trace.function('bpf_fentry_test1');
const args = { a: 1 };
let sum = 0;
const original = () => {
  sum += 1;
  return 1;
};
const plain = measure((n) => {
  for (let i = 0; i < n; i++) original(args);
});
report('plain call', plain);
const idle = measure((n) => {
  for (let i = 0; i < n; i++) fn.call(args, original);
});
report('traced function, nothing attached', idle);
const event = trace.event('sched:sched_process_exec');
const exec = { filename: '/bin/ls', pid: 12, old_pid: 11 };
const idleEvent = measure((n) => {
  for (let i = 0; i < n; i++) event.hit(exec);
});
report('trace event, nothing attached', idleEvent);

const waking = trace.event('sched:sched_wakeup');
const wakeup = { pid: 12, prio: 120, target_cpu: 0 };
const enter = trace.event('syscalls:sys_enter_openat');
const opened = { id: 257 };
const RATES = {
  on_event: () => waking.hit(wakeup),
  on_exec: () => event.hit(exec),
  on_syscall: () => enter.hit(opened),
  on_raw: () => trace.hit('sched_wakeup', {}),
  on_entry: () => fn.call(args, original),
  on_probe: () => fn.call(args, original),
  on_many: () => fn.call(args, original),
};
for (const [name, once] of Object.entries(RATES)) {
  const link = collection.program(name).attach();
  const ns = measure((n) => {
    for (let i = 0; i < n; i++) once();
  });
  report(name, ns);
  link.close();
}
