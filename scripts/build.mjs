/**
 * Builds dist/: declarations by tsc, one for each source file, and the code bundled into a few files by room.
 * Node spends about half a millisecond on each module that it loads, and the sources are some 400.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

/** Files that are named from outside: by `exports` and `bin` of package.json, and the command line without its process. */
const ENTRIES = [
  'index',
  'host/node',
  'btf/vmlinux/index',
  'net/index',
  'uapi/index',
  'isa/asm/index',
  'cli/main',
  'cli/skep',
];

/** The bundle of a source file by its room; what stands here goes in one direction only, as the rooms do. */
const BUNDLES = [
  ['errors', /^(?:util|lib)\/errors\.ts$|^uapi\/errno\.ts$/],
  // Of the rooms at the bottom, what few callers need.
  ['asm', /^isa\/asm\/(?!index\.ts$)/],
  ['c-output', /^btf\/(?:dump-\w+|trampoline)\.ts$/],
  ['attr-bytes', /^uapi\/attr\/encode\.ts$/],
  ['isa', /^(?:util|isa)\/(?!(?:asm\/)?index\.ts$)|^uapi\/(?:helper-ids|map-types)\.ts$/],
  ['runtime', /^uapi\/syscall-numbers\.ts$/],
  ['base', /^(?:util|uapi|isa|btf)\/(?!vmlinux\/|(?:asm\/)?index\.ts$)/],
  ['diagnosis', /^kernel\/diagnose\/(?!diagnose\.ts$)/],
  ['verifier', /^kernel\/(?:rules|verifier)\//],
  ['memory', /^kernel\/(?:mem|object)\//],
  ['maps', /^kernel\/(?:core|maps)\//],
  ['interp', /^kernel\/(?:(?:interp|run|world\/time)\/|world\/task\/current\.ts$)/],
  ['jit', /^kernel\/jit\//],
  [
    'kernel',
    /^kernel\/(?:syscall\/|boot\/(?:known-holes|not-executable|parts|verify-only)\.ts$|world\/net\/if-ether\.ts$)/,
  ],
  // All that programs need to be run, engines aside.
  ['runtime', /^kernel\/(?!diagnose\/)/],
  ['lib', /^lib\//],
  ['cli', /^cli\/shell\/(?:exit|io|command|files|nearest|unsupported)\.ts$/],
  [
    'report',
    /^cli\/(?:session\/(?:kernel-facts|kernel-types|object-notes|object-options|program-flags)|shell\/(?:json-text|names)|verify\/(?:diagnosis|diagnosis-text|verdict-text))\.ts$/,
  ],
  ['packaged-btf', /^btf\/vmlinux\/index\.ts$/],
  ['kernel-btf', /^host\/kernel-btf\.ts$/],
  ['host', /^host\//],
];

/** What the bundler itself adds, such as the code behind `using`, goes where everybody finds it. */
const OF_THE_BUNDLER = /@oxc-project\b/;

function bundleOf(path) {
  if (OF_THE_BUNDLER.test(path)) return 'errors';
  const source = relative(join(root, 'src'), path);
  return BUNDLES.find(([, room]) => room.test(source))?.[0] ?? null;
}

function declarations() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
}

/**
 * Bundles sources with what they import.
 * @param {Readonly<Record<string, string>>} entries sources without `src/` and suffix, by the names they get in `dir`
 * @param {string} dir where the code goes
 * @returns {Promise<string[]>} the files written, relative to `dir`
 */
export async function bundle(entries, dir) {
  const bundler = await rolldown({
    cwd: root,
    input: Object.fromEntries(Object.entries(entries).map(([name, source]) => [name, `src/${source}.ts`])),
    platform: 'neutral',
    transform: { target: 'es2022' },
    external: [/^node:/, 'koffi'],
    preserveEntrySignatures: 'allow-extension',
    treeshake: {
      moduleSideEffects: [
        { test: /src\/cli\/main\.ts$/, sideEffects: true },
        { test: /./, sideEffects: false },
      ],
    },
  });
  const { output } = await bundler.write({
    dir,
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    minifyInternalExports: false,
    // Declarations carry the documentation; names and lines stay, so that a stack can be read.
    comments: { legal: true, annotation: true, jsdoc: false },
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ debugName: 'rooms', name: bundleOf }],
    },
  });
  await bundler.close();
  return output.map((file) => file.fileName);
}

/** Removes what an earlier build left: code under names that are gone, declarations of sources that are gone. */
function prune(written) {
  for (const entry of readdirSync(dist, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = relative(dist, join(entry.parentPath, entry.name));
    const source = join(root, 'src', path.replace(/\.d\.ts$/, '.ts'));
    if (path.endsWith('.d.ts') ? !existsSync(source) : !written.includes(path)) rmSync(join(dist, path));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  declarations();
  prune(await bundle(Object.fromEntries(ENTRIES.map((entry) => [entry, entry])), dist));
  chmodSync(join(dist, 'cli/main.js'), 0o755);
}
