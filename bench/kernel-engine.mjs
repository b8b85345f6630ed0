/** The live kernel as an engine: programs loaded through bpf(2), run with PROG_TEST_RUN. */
const TEST_RUN = 10;

/** The transport, or why there is none. */
export async function openKernel(skep) {
  try {
    return { sys: await skep.openKernelTransport() };
  } catch (error) {
    return { missing: error.message };
  }
}

/** Loads the object's program with fresh maps, and again whenever its ring buffer (nobody reads it) may be full. */
export function loadInKernel(sys, lib, bytes, name, ringBytes) {
  let loaded = loadOnce(sys, lib, bytes, name);
  if (ringBytes === undefined) return loaded;
  let room = ringBytes.size;
  const most = Math.floor(ringBytes.size / ringBytes.run) - 1;
  return {
    run: (packet) => loaded.run(packet),
    runner: (packet) => ({
      measure(asked) {
        const n = Math.min(asked, most);
        if ((room -= n * ringBytes.run) < 0) {
          loaded.close();
          loaded = loadOnce(sys, lib, bytes, name);
          room = ringBytes.size - n * ringBytes.run;
        }
        return (loaded.runner(packet).measure(n) * asked) / n;
      },
      step: 1000,
      native: true,
    }),
    close: () => loaded.close(),
  };
}

function loadOnce(sys, lib, bytes, name) {
  const collection = lib.parseObject(bytes, { name }).load(sys);
  const { fd } = collection.program('prog');
  const out = new Uint8Array(2048);
  const test = (packet, repeat) => {
    const run = { test: { prog_fd: fd, data_in: packet, data_out: out, repeat } };
    const result = sys.bpf(TEST_RUN, run);
    if (result < 0) throw new Error(`PROG_TEST_RUN: errno ${-result}`);
    return run.test;
  };
  return {
    run: (packet) => test(packet, 1).retval >>> 0,
    // The kernel's own clock: the call itself waits some 20 ms for RCU, whatever the repeat count.
    runner: (packet) => ({ measure: (n) => (test(packet, n).duration * n) / 1e6, step: 1000, native: true }),
    close: () => collection.close(),
  };
}
