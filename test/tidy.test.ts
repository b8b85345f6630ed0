/** The house rules that a machine can check: who imports whom, file sizes, doc comments, what the library may not touch. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { KFUNC_ROWS } from '../src/kernel/rules/rows/kfuncs/all.ts';
import { CATALOGUE } from '../src/kernel/verifier/diag/catalogue.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What each room may import besides itself. The order is the one of ARCHITECTURE.md: nothing reaches upwards. */
const BASE = ['util', 'isa', 'uapi', 'btf'];
const RULES = [...BASE, 'kernel/rules'];
const WORLD = [...RULES, 'kernel/mem', 'kernel/core'];
const OBJECT = [...WORLD, 'kernel/verifier', 'kernel/world'];
const RUN = [...OBJECT, 'kernel/object'];
const MAPS = [...RUN, 'kernel/run'];
const ENGINES = [...MAPS, 'kernel/maps'];
const KERNEL = [
  ...ENGINES,
  'kernel/helpers',
  'kernel/kfuncs',
  'kernel/interp',
  'kernel/jit',
  'kernel/hooks',
  'kernel/bpffs',
  'kernel/testrun',
  'kernel/syscall',
  'kernel/boot',
];
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  util: [],
  uapi: ['util'],
  isa: ['util', 'uapi'],
  btf: ['util', 'isa', 'uapi'],
  'kernel/rules': BASE,
  // No memory, map, helper or engine: verification is plain data in, plain data out.
  'kernel/verifier': RULES,
  // Looks into refusals; nothing of the kernel asks it.
  'kernel/diagnose': [...RULES, 'kernel/verifier'],
  'kernel/mem': RULES,
  'kernel/core': [...RULES, 'kernel/mem'],
  // The simulated host knows no BPF.
  'kernel/world': ['util', 'uapi', 'btf', 'kernel/mem'],
  'kernel/object': OBJECT,
  'kernel/run': RUN,
  'kernel/maps': MAPS,
  'kernel/helpers': ENGINES,
  'kernel/kfuncs': ENGINES,
  // Engines know what they share with helpers (run), never a helper; neither knows the other.
  'kernel/interp': ENGINES,
  'kernel/jit': ENGINES,
  'kernel/hooks': ENGINES,
  'kernel/testrun': [...ENGINES, 'kernel/hooks'],
  'kernel/bpffs': ['uapi', 'kernel/mem', 'kernel/world', 'kernel/object'],
  'kernel/syscall': [...ENGINES, 'kernel/hooks', 'kernel/bpffs', 'kernel/testrun'],
  /** Wires the rooms together. */
  'kernel/boot': KERNEL,
  // The user side knows the kernel by the type of bpf(2) only (uapi/attr.ts).
  lib: BASE,
  net: ['util'],
  host: [...BASE, 'kernel/run', 'kernel/boot', 'lib', 'net'],
  /** src/index.ts: the package's interface. */
  index: [...KERNEL, 'lib'],
  cli: [...KERNEL, 'kernel/diagnose', 'lib', 'net', 'host', 'index'],
};

/** Folders of the verifier, the lowest first; files beside env.ts stand where it does, check.ts above all. */
const VERIFIER_TOWER: readonly string[] = [
  ...['diag', 'domain', 'env.ts', 'state', 'pass', 'paths', 'access', 'resource', 'call', 'insn', 'explore'],
  ...['rewrite', 'check.ts'],
];
/** What env.ts makes to keep: plain data of folders above it. */
const MADE_BY_ENV: readonly string[] = [
  'paths/backtrack-state.ts',
  'paths/history.ts',
  'paths/idmap.ts',
  'state/store.ts',
];

/** Who reads rows that are not compiled for a version, with the reason. */
const ROW_READERS: Readonly<Record<string, string>> = {
  'src/cli/verify/verdict-text.ts: holes.ts': 'says which versions closed a hole',
  'src/cli/verify/verify-object.ts: holes.ts': 'explains a hole by its id',
  'src/kernel/boot/known-holes.ts: holes.ts': 'explains a hole by its id',
  'src/kernel/jit/facts/helper-args.ts: helpers/protos.ts': 'a loaded program has none but helpers of its version',
};

/**
 * Files of the verifier with an object for sums, or a constant that has to be computed. Each is filled and read by one function, which
 * calls nobody in between who could begin another verification (reentrant.test.ts).
 */
const SCRATCH: readonly string[] = [
  ...[
    'access/align.ts',
    'access/ctx.ts',
    'access/mem.ts',
    'access/stack/write.ts',
    'call/helper-ret.ts',
    'domain/alu.ts',
  ],
  ...['insn/alu-ptr.ts', 'insn/alu.ts', 'insn/branch.ts', 'insn/mem.ts', 'insn/sanitize.ts'],
  ...['paths/equal.ts', 'paths/fork.ts', 'paths/linked.ts', 'state/regs.ts'],
];

/** Made when first needed, and the same ever after: offsets of structs, and the helpers themselves. */
const KEPT_BY_HELPERS: readonly string[] = [
  'src/kernel/helpers/perf.ts: let skb: SkbView | undefined;',
  'src/kernel/helpers/perf.ts: let xdp: { readonly data: number; readonly frags: XdpFrags } | undefined;',
  'src/kernel/helpers/table.ts: const made = new Map<number, HelperImpl | undefined>();',
  'src/kernel/helpers/table.ts: let packetLayout = false;',
];

/** Longer than {@link MAX_LINES}, with the reason. */
const LONG_FILES: Readonly<Record<string, string>> = {
  'src/btf/vmlinux/x86_64-6.18.ts': 'generated',
  'src/kernel/core/core.wasm.ts': 'generated',
};
const MAX_LINES = 600;
/** Where the package is entered, besides its command line's commands, which are loaded by name. */
const ENTRIES = ['index', 'uapi/index', 'isa/asm/index', 'host/node', 'btf/vmlinux/index', 'net/index', 'cli/main'];
/** Reached by tests only, with what they are kept for. */
const UNREACHED: Readonly<Record<string, string>> = {
  'src/btf/print-value.ts': 'bpf_snprintf_btf and bpf_seq_printf_btf',
};
/** Folders of more than 20 files, with the reason. */
const CROWDED: Readonly<Record<string, string>> = {
  'src/kernel/verifier/diag/catalogue': 'one table of rejections, a topic a file',
};
/** Compiled by the AssemblyScript compiler, not by ours. */
const ASSEMBLY = 'src/kernel/core/assembly/';
const HOST_ROOMS: ReadonlySet<string> = new Set(['host', 'cli']);
const GENERATED = /\.wasm\.ts$|x86_64-6\.18\.ts$/;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly room: string;
}

function list(folder: string, suffix: RegExp): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && suffix.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes('node_modules/'));
}

/** A folder and those around it. */
const upwards = (folder: string): string[] => (folder === '.' ? [] : [folder, ...upwards(dirname(folder))]);

/** `kernel/maps` for src/kernel/maps/array.ts, `index` for src/index.ts. */
function roomOf(path: string): string {
  const [, first, ...rest] = path.split('/');
  if (rest.length === 0) return first.replace(/\.ts$/, '');
  return first === 'kernel' && rest.length > 1 ? `kernel/${rest[0]}` : first;
}

const sources: readonly Source[] = list('src', /\.ts$/)
  .sort()
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8'), room: roomOf(path) }));
const compiled = sources.filter((s) => !s.path.startsWith(ASSEMBLY));
const written = compiled.filter((s) => !GENERATED.test(s.path));

/** Comments become spaces of the same number of lines; strings stay, since specifiers are strings. */
const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, ' ')).replace(/(^|\s)\/\/.*$/gm, '$1');

function specifiers(source: Source): string[] {
  const code = withoutComments(source.text);
  const out = [...code.matchAll(/^import\b[^;'"]*?\bfrom\s*'([^']+)'/gm)];
  out.push(...code.matchAll(/^export\s+(?:type\s+)?(?:\*[^;'"]*?|\{[^}]*\})\s*from\s*'([^']+)'/gm));
  out.push(...code.matchAll(/^import\s*'([^']+)'/gm), ...code.matchAll(/(?<![#.\w])import\(\s*'([^']+)'/g));
  return out.map((m) => m[1]);
}

/** A violation a line, so that a failure reads as a list. */
const violations = (check: (source: Source) => string[], of: readonly Source[] = written): string[] =>
  of.flatMap((source) => check(source).map((what) => `${source.path}: ${what}`));

describe('tidy', () => {
  it('knows every room', () => {
    expect([...new Set(compiled.map((s) => s.room))].filter((room) => !(room in ROOMS))).toEqual([]);
  });

  it('imports go one way', () => {
    const wrong = violations((source) =>
      specifiers(source)
        .filter((s) => s.startsWith('.'))
        .map((s) => roomOf(relative(root, join(root, dirname(source.path), s))))
        .filter((to) => to !== source.room && !ROOMS[source.room].includes(to))
        .map((to) => `${source.room} may not import ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  it('folders of the verifier import values downwards only', () => {
    const at = 'src/kernel/verifier/';
    const level = (path: string): number => {
      const [folder, file] = path.slice(at.length).split('/');
      return VERIFIER_TOWER.indexOf(file === undefined && folder !== 'check.ts' ? 'env.ts' : folder);
    };
    const value = /^(?:import|export)\s+(?!type\b)(?:\*[^;'"]*?|\{([^}]*)\})\s*from\s*'(\.[^']+)'/gm;
    const wrong = violations(
      (source) =>
        [...withoutComments(source.text).matchAll(value)]
          .filter(([, names]) => names === undefined || names.split(',').some((n) => /^\s*(?!type\s)\w/.test(n)))
          .map(([, , to]) => relative(root, join(root, dirname(source.path), to)))
          .filter((to) => to.startsWith(at) && level(to) > level(source.path))
          .map((to) => to.slice(at.length)),
      written.filter((s) => s.path.startsWith(at)),
    );
    expect(sources.filter((s) => s.path.startsWith(at) && level(s.path) < 0).map((s) => s.path)).toEqual([]);
    expect(wrong).toEqual(MADE_BY_ENV.map((path) => `${at}env.ts: ${path}`));
  });

  it('no file bears a name that Windows reserves for a device, whatever its suffix', () => {
    const reserved = /^(?:aux|con|nul|prn|com[0-9]|lpt[0-9])(?:\.|$)/i;
    const wrong = ['src', 'test', 'bench', 'docs', 'examples', 'scripts'].flatMap((folder) =>
      list(folder, /./).filter((path) => path.split('/').some((name) => reserved.test(name))),
    );
    expect(wrong).toEqual([]);
  });

  it('relative imports name the file with its suffix', () => {
    const wrong = violations((source) => specifiers(source).filter((s) => s.startsWith('.') && !s.endsWith('.ts')));
    expect(wrong).toEqual([]);
  });

  it('only src/host and src/cli import Node built-ins, and nothing imports a package but koffi there', () => {
    const wrong = violations((source) =>
      specifiers(source).filter((s) => {
        if (s.startsWith('.')) return false;
        const builtin = s.startsWith('node:') || builtinModules.includes(s);
        return !HOST_ROOMS.has(source.room) || !(builtin || s === 'koffi');
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('the verifier asks the rows of kfuncs what a call does, never their names', () => {
    // A lock is a struct of the same name, and a message about a function that may throw names what throws.
    const words = new Set(['bpf_res_spin_lock', 'bpf_throw']);
    const names = new Set(KFUNC_ROWS.map(([name]) => name).filter((name) => !words.has(name)));
    const wrong = violations((source) => {
      if (source.room !== 'kernel/verifier') return [];
      const code = withoutComments(source.text);
      const compared = [...code.matchAll(/\b(?:meta|kfunc)\??\.name\s*(?:[!=]==|\.\w+\().*/g)].map((m) => m[0]);
      return [...compared, ...[...code.matchAll(/['"`](\w+)['"`]/g)].map((m) => m[1]).filter((s) => names.has(s))];
    });
    expect(wrong).toEqual([]);
  });

  it('the library does not use the globals of Node', () => {
    const global =
      /(?<![.\w'"`$])(?:(?:Buffer|process|setImmediate)(?=\s*[.([])|require\(['"]|__dirname\b|__filename\b)/g;
    const wrong = violations((source) =>
      HOST_ROOMS.has(source.room) ? [] : [...withoutComments(source.text).matchAll(global)].map((m) => m[0]),
    );
    expect(wrong).toEqual([]);
  });

  it('nothing but world/time reads a clock, besides what runs on Node alone', () => {
    const clock = /\b(?:performance\.now|performance\.timeOrigin|Date\.now|new Date\(\)|hrtime)\b/g;
    const wrong = violations((source) =>
      HOST_ROOMS.has(source.room) || source.path.startsWith('src/kernel/world/time/')
        ? []
        : [...withoutComments(source.text).matchAll(clock)].map((m) => m[0]),
    );
    expect(wrong).toEqual([]);
  });

  it('every file is reached from an entry of the package', () => {
    const byPath = new Map(compiled.map((s) => [s.path, s] as const));
    const reached = new Set<string>();
    const waiting = ENTRIES.map((entry) => `src/${entry}.ts`);
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const source = byPath.get(path);
      if (source === undefined || reached.has(path)) continue;
      reached.add(path);
      for (const s of specifiers(source))
        if (s.startsWith('.')) waiting.push(relative(root, join(root, dirname(path), s)));
    }
    expect(compiled.map((s) => s.path).filter((path) => !reached.has(path))).toEqual(Object.keys(UNREACHED).sort());
  });

  it('a folder of more than 20 files asks for rooms', () => {
    const files = new Map<string, number>();
    for (const { path } of sources) files.set(dirname(path), (files.get(dirname(path)) ?? 0) + 1);
    expect(
      [...files].filter(([folder, n]) => n > 20 && !(folder in CROWDED)).map(([folder, n]) => `${folder}: ${n}`),
    ).toEqual([]);
  });

  it('tests stand where what they test stands', () => {
    const rooms = new Set(sources.map(({ path }) => dirname(path)).flatMap(upwards));
    const folders = new Set(
      list('test', /\.test\.ts$/)
        .map((path) => dirname(path).replace(/^test/, 'src'))
        .filter((folder) => folder !== 'src' && !/^src\/(?:bench|corpus|proofs)\b/.test(folder)),
    );
    expect([...folders].filter((folder) => !rooms.has(folder))).toEqual([]);
  });

  it('a test that bears the name of a file of its room stands where that file does', () => {
    const wrong = list('test', /\.test\.ts$/).flatMap((path) => {
      const here = dirname(path).replace(/^test/, 'src');
      const name = basename(path, '.test.ts');
      const room = roomOf(`${here}/${name}.ts`);
      const there = sources
        .filter((s) => s.room === room && basename(s.path, '.ts') === name)
        .map((s) => dirname(s.path));
      return there.length === 0 || there.includes(here) ? [] : [`${path}: ${there.join(', ')}`];
    });
    expect(wrong).toEqual([]);
  });

  it('rules compiled for a version are asked, not rows', () => {
    const found = compiled.flatMap(({ path, room, text }) =>
      room === 'kernel/rules'
        ? []
        : [
            ...withoutComments(text).matchAll(
              /^(?:import|export) (?!type )[^;]*? from '[^']*kernel\/rules\/rows\/([^']+)'|^(?:import|export) (?!type )[^;]*? from '[./]*\/rules\/rows\/([^']+)'/gm,
            ),
          ]
            .map(([, long, short]) => long ?? short)
            // Names and flags of columns, and layouts of contexts, which are the same in all versions.
            .filter((row) => !row.endsWith('/row.ts') && !row.startsWith('ctx/'))
            .map((row) => `${path}: ${row}`),
    );
    expect(found.sort()).toEqual(Object.keys(ROW_READERS).sort());
  });

  it('every column of a row is read by something that is no row', () => {
    const rows = compiled.filter((s) => s.path.startsWith('src/kernel/rules/rows/'));
    const readers = compiled.filter((s) => !rows.includes(s)).map((s) => withoutComments(s.text));
    const columns = rows.flatMap((s) =>
      [...s.text.matchAll(/^export interface (\w*(?:Row|Grant|Rule|Hole)) [^{]*\{\n([\s\S]*?)^\}/gm)].flatMap(
        ([, name, body]) => [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, column]) => ({ name, column })),
      ),
    );
    expect(columns.length).toBeGreaterThan(30);
    const isRead = (column: string): boolean =>
      readers.some((text) => new RegExp(`\\.${column}\\b|[{,]\\s*${column}\\s*[,:}]`).test(text));
    expect(columns.filter(({ column }) => !isRead(column)).map(({ name, column }) => `${name}.${column}`)).toEqual([]);
  });

  it('numbers of the UAPI stand in uapi alone', () => {
    const ETHER = 'src/kernel/world/net/if-ether.ts';
    const owns = (s: Source): boolean => s.room === 'uapi' || s.path === ETHER;
    const uapi = compiled.filter(owns).map((s) => s.text);
    const names = new Set(
      uapi.flatMap((text) =>
        [...text.matchAll(/^(?:export const| {2})\s*(BPF_\w+|XDP_\w+|TC_\w+|ETH_\w+|E[A-Z]{3,})(?: =|:)/gm)].flatMap(
          ([, name]) => [name, name.toUpperCase(), name.toUpperCase().replace('BPF_', '')],
        ),
      ),
    );
    expect(names.size).toBeGreaterThan(300);
    const wrong = violations((source) =>
      owns(source) || source.room === 'isa'
        ? []
        : [...source.text.matchAll(/^(?:export )?const (\w+) = (?:\d|0x|1 <<)/gm)]
            .map((m) => m[1])
            .filter((name) => names.has(name)),
    );
    expect(wrong).toEqual([]);
  });

  it('objects of modules that change are listed', () => {
    const found = compiled.flatMap(({ path, text }) =>
      /^const \w+ = new (?:Scalar|CallMeta|\w+Array)\((?!0\))[^()]*\);$/m.test(text)
        ? [path.replace('src/kernel/verifier/', '')]
        : [],
    );
    expect(found.sort()).toEqual([...SCRATCH].sort());
  });

  it('helpers keep nothing between calls but what never changes', () => {
    // Two spaces: in the maker of a helper, which is called once for each CPU.
    const kept =
      /^ {2}(?:let \w+(?:: [^=\n]+)?;|let \w+ = false;|(?:let|const) \w+ = new (?:Map|Set|Weak\w+|\w*Array)\b.*)$/gm;
    const wrong = violations((source) =>
      source.room === 'kernel/helpers' || source.room === 'kernel/kfuncs'
        ? [...source.text.matchAll(kept)].map((m) => m[0].trim())
        : [],
    );
    expect(wrong).toEqual(KEPT_BY_HELPERS);
  });

  it('no two parameters in a row are booleans', () => {
    const inARow = /\w+\??(?:: boolean| = (?:true|false)),\s*\w+\??(?:: boolean| = (?:true|false))\b/g;
    const wrong = violations((source) => [...source.text.matchAll(inARow)].map((m) => m[0]));
    expect(wrong).toEqual([]);
  });

  it('files end at 600 lines, but for tables and generated files listed here', () => {
    const wrong = violations((source) => {
      const lines = source.text.split('\n').length - 1;
      return lines > MAX_LINES && !(source.path in LONG_FILES) ? [`${lines} lines`] : [];
    }, sources);
    expect(wrong).toEqual([]);
    expect(Object.keys(LONG_FILES).filter((path) => !sources.some((s) => s.path === path))).toEqual([]);
  });

  it('every file begins with a comment that says what it is', () => {
    const wrong = violations((source) => {
      const text = source.text.replace(/^#!.*\n/, '');
      return /^\/\*\*\s+\S/.test(text) ? [] : ['no doc comment on the first line'];
    }, sources);
    expect(wrong).toEqual([]);
  });

  it('no default exports, no enums', () => {
    const wrong = violations((source) =>
      [...withoutComments(source.text).matchAll(/^export default\b|^(?:export )?(?:const )?enum\b/gm)].map((m) => m[0]),
    );
    expect(wrong).toEqual([]);
  });

  it('no class is a Manager, Service or Util', () => {
    const wrong = violations((source) =>
      [...source.text.matchAll(/\bclass (\w*(?:Manager|Service|Utils?))\b/g)].map((m) => m[1]),
    );
    expect(wrong).toEqual([]);
  });

  it('users read words, not numbers of the scope', () => {
    const numbered = /SCOPE (?:\d|\$)/;
    const wrong = violations((source) =>
      withoutComments(source.text)
        .split('\n')
        .filter((line) => numbered.test(line)),
    );
    expect([...wrong, ...(numbered.test(readFileSync(join(root, 'README.md'), 'utf8')) ? ['README.md'] : [])]).toEqual(
      [],
    );
  });

  it('what is left to do names its number in the scope', () => {
    const files = [...written.map((s) => s.path), ...list('test', /\.(?:ts|mjs)$/), ...list('bench', /\.mjs$/)];
    const marker = new RegExp(`\\b(?:${['TO', 'FIX'].map((w, i) => w + ['DO', 'ME'][i]).join('|')})\\b.*`, 'g');
    const wrong = files.flatMap((path) =>
      [...readFileSync(join(root, path), 'utf8').matchAll(marker)]
        .filter((m) => !/SCOPE \d+/.test(m[0]))
        .map((m) => `${path}: ${m[0].slice(0, 80)}`),
    );
    expect(wrong).toEqual([]);
  });

  it('nothing names a path of the machine that it was written on', () => {
    const wrong = violations((source) =>
      [...source.text.matchAll(/(?<![\w.])\/(?:home|root|Users|work)\/[\w./-]*/g)].map((m) => m[0]),
    );
    expect(wrong).toEqual([]);
  });
});

describe('the catalogue of rejections', () => {
  const rows = Object.entries(CATALOGUE).flatMap(([topic, table]) =>
    Object.entries(table).map(([key, row]) => ({ id: `${topic}.${key}`, row })),
  );

  it('has a well-formed id for each row, and each row once', () => {
    expect(rows.length).toBeGreaterThan(100);
    expect(rows.map((r) => r.id).filter((id) => !/^[A-Z][A-Z0-9_]*\.[A-Z][A-Z0-9_]*$/.test(id))).toEqual([]);
    expect(new Set(rows.map((r) => r.id)).size).toBe(rows.length);
    const seen = new Map<unknown, string>();
    const twice = rows.flatMap(({ id, row }) => {
      const other = seen.get(row);
      seen.set(row, id);
      return other === undefined ? [] : [`${id} is ${other}`];
    });
    expect(twice).toEqual([]);
  });

  it('explains every row and gives it an errno', () => {
    expect(rows.filter(({ row }) => row.why.trim().length < 10).map((r) => r.id)).toEqual([]);
    expect(rows.filter(({ row }) => !(row.errno > 0 && row.errno < 4096)).map((r) => r.id)).toEqual([]);
  });
});

describe('the package', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;

  it('has no runtime dependency, and koffi as an optional peer', () => {
    expect(manifest.dependencies).toBeUndefined();
    expect(manifest.optionalDependencies).toBeUndefined();
    expect(Object.keys(manifest.peerDependencies as object)).toEqual(['koffi']);
    expect(manifest.peerDependenciesMeta).toEqual({ koffi: { optional: true } });
  });

  it('pins what it is developed with', () => {
    const versions = Object.values(manifest.devDependencies as Record<string, string>);
    expect(versions.filter((v) => !/^\d+\.\d+\.\d+$/.test(v))).toEqual([]);
  });

  it('names no registry host in its lock file', () => {
    expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved": "https?:/);
  });
});
