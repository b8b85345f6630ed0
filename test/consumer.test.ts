/** The package as a TypeScript program sees it: every entry type-checks with `nodenext` and without `skipLibCheck`, and runs. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const PROGRAM = `
import { readFileSync } from 'node:fs';
import {
  BpfError, createRuntime, loadPackagedBtf, parseObject,
  type BpfMap, type BpfSyscall, type BtfValue, type Collection, type EventReader, type PacketRunner, type Program, type Runtime,
} from 'skep';
import { assemble, encodeInsns } from 'skep/asm';
import { PcapWriter } from 'skep/net';
import { type BtfSource, openRuntime } from 'skep/node';
import { BPF_CMD, BPF_MAP_TYPE, BPF_PROG_TYPE, errnoName } from 'skep/uapi';

export const later: (source: BtfSource) => Promise<Runtime> = openRuntime;
export const writer: PcapWriter = new PcapWriter({ nanoseconds: true });
const kernel: Runtime = createRuntime({ kernelBtf: await loadPackagedBtf(), memory: 64 << 20 });
const door: BpfSyscall = kernel;
using firewall: Collection = parseObject(readFileSync(process.argv[2]), { name: 'firewall' }).load(door);
const acl: BpfMap = firewall.map('acl');
acl.update({ prefixlen: 8, addr: [10, 0, 0, 0] }, { deny: 1, port: 0, pad: 0 });
const program: Program = firewall.program('firewall');
const runner: PacketRunner = program.runner();
const packet = new Uint8Array(64);
packet.set([0x08, 0x00, 0x45], 12);
packet.set([10, 1, 2, 3], 26);
const verdict: number = runner.run(packet);
const drops: EventReader = firewall.map('drops').events({ type: 'drop_event' });
const seen: (BtfValue | Uint8Array)[] = drops.read();
const stats = program.embedded?.stats.insnsProcessed ?? 0;
const insns = encodeInsns(assemble('r0 = 2; exit'.replace('; ', '\\n')));
const fd: number = kernel.bpf(BPF_CMD.BPF_PROG_LOAD, { prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP, insns, license: 'GPL' });
let refused = '';
try {
  firewall.map('sources').events();
} catch (e) {
  if (e instanceof BpfError) refused = errnoName(e.errno);
}
console.log(JSON.stringify([verdict, seen.length, stats > 0, fd > 0, acl.spec.type === BPF_MAP_TYPE.BPF_MAP_TYPE_LPM_TRIE, program.info().name, refused]));
`;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'skep-consumer-'));
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(root, join(dir, 'node_modules/skep'));
  symlinkSync(join(root, 'node_modules/@types'), join(dir, 'node_modules/@types'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(dir, 'main.ts'), PROGRAM);
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    lib: ['es2023', 'esnext.disposable', 'dom'],
    types: ['node'],
    strict: true,
    skipLibCheck: false,
    outDir: 'out',
  };
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('a program of all entries type-checks and runs', async () => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const checked = await run(process.execPath, [tsc, '-p', '.'], { cwd: dir }).catch((e: { stdout: string }) => e);
  expect(checked.stdout).toBe('');
  const object = join(root, 'examples/firewall/firewall.bpf.o');
  const { stdout } = await run(process.execPath, ['out/main.js', object], { cwd: dir });
  expect(JSON.parse(stdout)).toEqual([1, 1, true, true, true, 'firewall', 'EINVAL']);
}, 60_000);
