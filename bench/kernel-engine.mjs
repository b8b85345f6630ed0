/** The live kernel as an engine: programs loaded through bpf(2), run with PROG_TEST_RUN. */
const MAP_CREATE = 0;
const MAP_UPDATE = 2;
const PROG_LOAD = 5;
const MAP_FREEZE = 22;
const TEST_RUN = 10;
const BTF_LOAD = 18;
const XDP = 6;

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
  const spec = lib.parseObject(bytes, { name });
  const fds = [];
  const btfFd = spec.btf === undefined ? 0 : sys.bpf(BTF_LOAD, { btf: spec.btf.bytes });
  if (btfFd < 0) throw new Error(`${name}: the kernel's BTF_LOAD gives errno ${-btfFd}`);
  if (btfFd > 0) fds.push(btfFd);
  const prepared = lib.prepareProgram(spec, 'prog', {
    btfFd,
    mapFd(map) {
      const fd = sys.bpf(MAP_CREATE, {
        map_type: map.type,
        key_size: map.keySize,
        value_size: map.valueSize,
        max_entries: map.maxEntries,
        map_flags: map.flags,
        map_name: map.kernelName,
      });
      if (fd < 0) throw new Error(`map ${map.name}: errno ${-fd}`);
      fds.push(fd);
      if (map.contents?.length)
        sys.bpf(MAP_UPDATE, { map_fd: fd, key: new Uint8Array(4), value: map.contents, flags: 0n });
      if (map.freeze) sys.bpf(MAP_FREEZE, { map_fd: fd });
      return fd;
    },
  });
  const fd = sys.bpf(PROG_LOAD, { ...prepared.attr, prog_type: XDP, license: spec.license });
  if (fd < 0) throw new Error(`${name}: the kernel's PROG_LOAD gives errno ${-fd}`);
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
    close() {
      sys.close(fd);
      for (const f of fds) sys.close(f);
    },
  };
}
