/** Skep's engines, linked directly: one memory, one stack, maps in the wasm core; the objects come through the loader. */
const MAP_TYPE_ARRAY = 2;
const PSEUDO_MAP_FD = 1;
const PSEUDO_MAP_VALUE = 2;
const CTX_SIZE = 64;

export async function importSkep() {
  const at = (path) => import(`../dist/${path}`);
  const modules = await Promise.all([
    at('lib/parse-object.js'),
    at('lib/prepare.js'),
    at('kernel/jit/index.js'),
    at('kernel/mem/memory.js'),
    at('kernel/mem/code-table.js'),
    at('kernel/mem/layout.js'),
    at('kernel/mem/allocator.js'),
    at('kernel/maps/env.js'),
    at('kernel/maps/create.js'),
    at('kernel/helpers/shim.js'),
    at('kernel/interp/index.js'),
  ]);
  return Object.assign({}, ...modules);
}

/** A runtime's memory and ports, as far as benchmark programs need them. */
export function makeWorld(skep) {
  const mem = new skep.KernelMemory(1 << 28);
  const layout = skep.layoutMemory(mem, 1);
  const allocator = new skep.Allocator(mem, layout.heapStart, layout.heapEnd);
  const maps = skep.createMapEnv({ mem, allocator, nrCpus: 1, random32: () => 0x9e3779b9 });
  const table = new skep.CodeTable();
  const shim = skep.createCallShim(mem, table);
  const { base, top, sp } = layout.stacks[0];
  const env = {
    mem,
    core: maps.core,
    alloc: (size) => allocator.alloc(size),
    free: (addr) => allocator.free(addr),
    invoke: (slot, frame) => shim.callFunction(slot, frame),
    checkDeadline() {},
  };
  const core = (name, sig) => ({ kind: 'core', core: { export: name, sig }, fn: maps.core[name] });
  const helpers = {
    1: core('map_lookup_elem', 'ii:i'),
    2: core('map_update_elem', 'iiii:s'),
    3: core('map_delete_elem', 'ii:s'),
  };
  const link = {
    env,
    table,
    stack: { sp, limit: base, top, tailCalls: allocator.alloc(16) },
    programs: new Map(),
    helper: (id) => helpers[id],
    kfunc: () => undefined,
    tailCallTarget: () => 0,
    shim,
  };
  return { skep, mem, allocator, maps, link };
}

/** Bare instructions as an accepted program, cut at its functions. */
function dress(skep, insns, name) {
  const program = skep.unverified(insns, name);
  const starts = new Set(program.subprogs.map((s) => s.start));
  for (let i = 0; i < insns.length; i++)
    if (insns.code[i] === 0x18 && insns.src[i] === 4) starts.add(i + 1 + insns.imm[i]);
  const sorted = [...starts].sort((a, b) => a - b);
  const subprogs = sorted.map((start, k) => ({ ...program.subprogs[0], start, end: sorted[k + 1] ?? insns.length }));
  return { ...program, subprogs };
}

/** A program with fresh maps, resolved as the verifier would resolve it. */
function resolve({ skep, mem, maps }, bytes, name) {
  const spec = skep.parseObject(bytes, { name });
  const live = [];
  const prepared = skep.prepareProgram(spec, 'prog', {
    btfFd: 0,
    mapFd(m) {
      const attr = {
        map_type: m.type,
        key_size: m.keySize,
        value_size: m.valueSize,
        max_entries: m.maxEntries,
        map_flags: m.flags,
        map_name: m.kernelName,
      };
      const map = skep.createMap(maps, attr, { map: () => undefined, prog: () => undefined, btf: () => undefined });
      if (typeof map === 'number') throw new Error(`map ${m.name}: errno ${-map}`);
      if (m.contents?.length) map.update(new Uint8Array(4), m.contents, 0);
      live.push(map);
      return live.length - 1;
    },
  });
  const program = dress(skep, prepared.insns, name);
  const { insns } = program;
  let lastMap = -1;
  for (let i = 0; i < insns.length; i++) {
    if (insns.code[i] === 0x18 && (insns.src[i] === PSEUDO_MAP_FD || insns.src[i] === PSEUDO_MAP_VALUE)) {
      const { desc } = live[insns.imm[i]];
      if (insns.src[i] === PSEUDO_MAP_FD) lastMap = insns.imm[i];
      insns.imm[i] = insns.src[i] === PSEUDO_MAP_FD ? desc.addr : desc.valuesAddr + insns.imm[i + 1];
      insns.imm[i + 1] = 0;
      insns.src[i] = 0;
    } else if (insns.code[i] === 0x85 && insns.src[i] === 0 && insns.imm[i] <= 3) program.mapIndex[i] = lastMap;
  }
  return { ...program, usedMaps: live.map((m) => m.desc), live, mem, arrayType: MAP_TYPE_ARRAY };
}

const PLACES = new WeakMap();
/** Guest addresses of a packet's bytes, of contexts that name them, and of results; made once. */
function place({ mem, allocator }, packet) {
  let at = PLACES.get(packet);
  if (at === undefined) {
    const data = allocator.alloc(packet.length + 512) + 256;
    at = { data, ctx: allocator.alloc(CTX_SIZE), out: allocator.alloc(4 * BATCH) };
    PLACES.set(packet, at);
  }
  mem.u8.set(packet, at.data);
  mem.view.setUint32(at.ctx, at.data, true);
  mem.view.setUint32(at.ctx + 4, at.data + packet.length, true);
  return at;
}

const BATCH = 1024;
let unique = 0;
/** A loop of its own for each program, so that its call site stays monomorphic. */
const loop = (run, ctx) =>
  new Function(
    'run',
    'ctx',
    `/* loop ${unique++} */ return (n) => { let x = 0; for (let i = 0; i < n; i++) x ^= run(ctx); return x; };`,
  )(run, ctx);

/** The program in the JIT. */
export function loadInJit(world, bytes, name) {
  const program = resolve(world, bytes, name);
  const t0 = performance.now();
  const result = world.skep.jitCompile(program, world.link);
  const compileMs = performance.now() - t0;
  if (!result.ok) throw new Error(`${name}: ${result.reason}: ${result.detail}`);
  const exe = result.executable;
  return {
    compileMs,
    insns: program.insns.length,
    bytes: exe.codeSize,
    run: (packet) => exe.run(place(world, packet).ctx),
    runner: (packet) => ({ call: loop(exe.run, place(world, packet).ctx) }),
    batchRunner(packet) {
      const { ctx, out } = place(world, packet);
      return {
        call(n) {
          for (let left = n; left > 0; left -= BATCH) exe.runBatch(ctx, 0, left < BATCH ? left : BATCH, out);
        },
        step: BATCH,
      };
    },
  };
}

/** The program in the interpreter. */
export function loadInInterp(world, bytes, name) {
  const { skep } = world;
  const exe = skep.interpret(resolve(world, bytes, name), world.link);
  return {
    run: (packet) => exe.run(place(world, packet).ctx),
    runner: (packet) => ({ call: loop((ctx) => exe.run(ctx), place(world, packet).ctx) }),
  };
}
