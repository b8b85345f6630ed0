/** The same C compiled for this machine by clang -O2: one executable a program, helpers in an object of their own. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const COMPILERS = ['clang-19', 'clang'];
const HERE = fileURLToPath(new URL('.', import.meta.url));
const RUN = 0;
const TIME = 1;

/** A compiler and a folder for what it makes, named by the sources; or why there is none. */
export function openNative() {
  for (const cc of COMPILERS) {
    try {
      const version = execFileSync(cc, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      const hash = createHash('sha256').update(version);
      for (const folder of ['native', 'programs'])
        for (const file of readdirSync(`${HERE}${folder}`).sort())
          if (/\.[ch]$/.test(file)) hash.update(file).update(readFileSync(`${HERE}${folder}/${file}`));
      const dir = `${tmpdir()}/skep-bench-${hash.digest('hex').slice(0, 16)}`;
      mkdirSync(dir, { recursive: true });
      return { cc, dir, version: version.split('\n')[0] };
    } catch {
      // The next one.
    }
  }
  return { missing: `no ${COMPILERS.join(' or ')} on this machine` };
}

function build({ cc, dir }, name) {
  const exe = `${dir}/${name}`;
  if (existsSync(exe)) return exe;
  const flags = ['-O2', '-fno-strict-aliasing', '-w', '-DNATIVE', '-I/usr/include'];
  const made = `${exe}.${process.pid}`;
  const sources = [`programs/${name}.c`, 'native/main.c', 'native/shim.c'].map((file) => HERE + file);
  const objects = sources.map((_, k) => `${made}.${k}.o`);
  sources.forEach((source, k) => {
    execFileSync(cc, [...flags, '-c', source, '-o', objects[k]], { stdio: ['ignore', 'ignore', 'pipe'] });
  });
  execFileSync(cc, [...objects, '-o', made], { stdio: ['ignore', 'ignore', 'pipe'] });
  for (const object of objects) rmSync(object);
  renameSync(made, exe);
  return exe;
}

function command(kind, n, packet) {
  const head = new Uint32Array([kind, n, packet.length]);
  return Buffer.concat([new Uint8Array(head.buffer), packet]);
}

/** The program as an engine. Each sample is a process of its own, which warms up before it looks at the clock. */
export function loadNatively(native, name) {
  const exe = build(native, name);
  const ask = (input) => {
    const out = execFileSync(exe, { input });
    return new BigUint64Array(out.buffer.slice(out.byteOffset, out.byteOffset + out.length));
  };
  return {
    runAll: (packets) => Array.from(ask(Buffer.concat(packets.map((p) => command(RUN, 1, p)))), Number),
    runner: (packet) => ({
      measure: (n) => Number(ask(command(TIME, n, packet))[0]) / 1e6,
      step: 1000,
      native: true,
    }),
  };
}
