/** Skep as its users have it: createRuntime(), the loader, and the fast path over packets. */
import { readFileSync } from 'node:fs';

const KERNEL_BTF = '/sys/kernel/btf/vmlinux';
const BATCH = 64;

/** The package, and what the kernel's side of the benchmark shares with it. */
export async function importSkep() {
  const [skep, prepare] = await Promise.all([import('../dist/index.js'), import('../dist/lib/prepare.js')]);
  return { ...skep, ...prepare };
}

/** Two runtimes, one for each engine. Contexts are converted to the layouts of this machine's kernel, or of `btfFile`. */
export function makeWorld(skep, btfFile = KERNEL_BTF) {
  const vmlinux = skep.Btf.parse(readFileSync(btfFile));
  const runtime = (engine) => skep.createRuntime({ engine, vmlinux, memory: 1 << 28 });
  return { skep, vmlinux, jit: runtime('jit'), interp: runtime('interp') };
}

let unique = 0;
/** A loop of its own for each program, so that its call site stays monomorphic. */
const loop = (runner, packet) =>
  new Function(
    'runner',
    'packet',
    `/* loop ${unique++} */ return (n) => { let x = 0; for (let i = 0; i < n; i++) x ^= runner.run(packet); return x; };`,
  )(runner, packet);

/** Verifies and loads the object's program with fresh maps. */
export async function loadInSkep(world, engine, bytes, name) {
  const { skep, vmlinux } = world;
  const runtime = world[engine];
  const spec = skep.parseObject(bytes, { name });
  const t0 = performance.now();
  const collection = await spec.load(runtime, { kernelBtf: vmlinux });
  const loadMs = performance.now() - t0;
  const program = runtime.program(collection.program('prog').fd);
  if (program.engine !== engine) throw new Error(`${name}: the ${engine} refused the program`);
  const runner = program.runner({ capacity: 2048 });
  return {
    loadMs,
    insns: program.verified.insns.length,
    bytes: program.codeSize,
    run: (packet) => runner.run(packet),
    runner: (packet) => ({ call: loop(runner, packet) }),
    batchRunner(packet) {
      const packets = Array.from({ length: BATCH }, () => packet);
      const verdicts = new Uint32Array(BATCH);
      return {
        call(n) {
          for (let left = n; left > 0; left -= BATCH) runner.runBatch(packets, verdicts);
        },
        step: BATCH,
      };
    },
  };
}
