/** Skep as its users have it: createRuntime(), the loader, and the fast path over packets. */
/** Few enough that their packets stay in the first-level cache, as the one packet of the other engines does. */
const BATCH = 16;
const PAGE = 4096;

/** The package with its Node entry, which has the door to the real kernel and the kernel's types: this machine's or the packaged ones. */
export async function importSkep(dist = new URL('../dist/', import.meta.url)) {
  const [skep, node] = await Promise.all(['index.js', 'host/node.js'].map((file) => import(new URL(file, dist).href)));
  const { btf } = await node.loadKernelBtf();
  return { ...skep, vmlinux: btf, openKernelTransport: node.openKernelTransport };
}

/** Two runtimes, one for each engine. */
export function makeWorld(skep) {
  const { vmlinux } = skep;
  const runtime = (engine) => skep.createRuntime({ engine, kernelBtf: vmlinux, memory: 1 << 30 });
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

/** The pages of a ring buffer with the consumer's and the producer's position. */
const ringOf = (runtime, fd) => ({
  consumer: runtime.mmap(fd, 0, PAGE, true).bytes,
  producer: runtime.mmap(fd, PAGE, PAGE, false).bytes,
});

/** Empties a ring as a reader that is done at once would. */
const drain = ({ consumer, producer }) => consumer.set(producer.subarray(0, 8));

/** Verifies and loads the object's program with fresh maps. `ringBytes`: size of its ring buffer and bytes that a run adds. */
export async function loadInSkep(world, engine, bytes, name, ringBytes) {
  const { skep, vmlinux } = world;
  const runtime = world[engine];
  const spec = skep.parseObject(bytes, { name });
  const t0 = performance.now();
  const collection = await spec.load(runtime, { kernelBtf: vmlinux });
  const loadMs = performance.now() - t0;
  const handle = collection.program('prog');
  const program = handle.embedded;
  if (program.engine !== engine) throw new Error(`${name}: the ${engine} refused the program`);
  const runner = program.runner({ capacity: 2048 });
  const rings = ringBytes === undefined ? [] : [ringOf(runtime, collection.map('events').fd)];
  const most = ringBytes === undefined ? Number.POSITIVE_INFINITY : Math.floor(ringBytes.size / ringBytes.run / 2);
  const drained = (call) =>
    rings.length === 0
      ? call
      : (n) => {
          for (let left = n; left > 0; left -= most) {
            for (const ring of rings) drain(ring);
            call(Math.min(left, most));
          }
        };
  return {
    loadMs,
    insns: handle.info().insns,
    bytes: program.codeSize,
    run: (packet) => runner.run(packet),
    /** Instructions that the interpreter executes for a packet. */
    count(packet) {
      const before = program.executed;
      runner.run(packet);
      return program.executed - before;
    },
    prepare: (packets) => runner.prepare(packets),
    runner: (packet) => ({ call: drained(loop(runner, packet)) }),
    batchRunner(packet) {
      const prepared = runner.prepare(Array.from({ length: BATCH }, () => packet));
      return {
        call: drained((n) => {
          for (let left = n; left > 0; left -= BATCH) prepared.run(0, Math.min(left, BATCH));
        }),
        step: BATCH,
      };
    },
    close() {
      collection[Symbol.dispose]?.();
    },
  };
}
