/** Scripts of load, attach, act and observe, played on any kernel: what is told must be the same. */
import type { AttachOptions } from '../../../src/lib/attach/attach.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { BPF_F_PATH_FD, BPF_F_RDONLY, BPF_F_WRONLY } from '../../../src/uapi/flags.ts';
import { Rng } from '../differential/rng.ts';
import { type Scenario, scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

/** Programs on bpf_fentry_test1, and how each is attached. */
const PROBES: Readonly<Record<string, AttachOptions>> = {
  probe1: {},
  probe2: {},
  return11: {},
  return12: {},
  entry: {},
  exit_: {},
  many: { functions: ['bpf_fentry_test1'] },
  many_return: { functions: ['bpf_fentry_test1'] },
};

/** Attaches and detaches in some order, and calls in between. */
function order(seed: number): Scenario {
  return scenario(`probes come and go, ${seed}`, (s) => {
    const rng = new Rng(seed);
    const names = Object.keys(PROBES);
    s.load('probe', ...names);
    const on = new Set<string>();
    for (let step = 0; step < 12; step++) {
      const name = rng.pick(names);
      if (on.has(name)) {
        s.close(name);
        on.delete(name);
        s.said.push(`close ${name}`);
      } else {
        s.attach('probe', name, PROBES[name]);
        on.add(name);
      }
      if (step % 3 === 2) s.call('probe', 'entry');
    }
    s.call('probe', 'entry');
  });
}

const TRACE = ['entry1', 'entry2', 'exit11', 'exit12', 'modify21', 'modify22', 'modify_entry', 'modify_exit'];

/** The same with trampolines, whose replaced results change what runs. */
function trampolines(seed: number): Scenario {
  return scenario(`trampolines come and go, ${seed}`, (s) => {
    const rng = new Rng(seed);
    const object = s.load('trace', ...TRACE);
    const on = new Set<string>();
    for (let step = 0; step < 12; step++) {
      const name = rng.pick(TRACE);
      if (on.has(name)) {
        s.close(name);
        on.delete(name);
        s.said.push(`close ${name}`);
      } else {
        s.attach('trace', name, { cookie: BigInt(rng.below(3)) });
        on.add(name);
      }
      if (step % 3 !== 2) continue;
      const replace = rng.pick([0, 0, 7, -1]);
      object.variable('replace').setVariable('replace', replace);
      s.said.push(`replace ${replace}`);
      s.call('trace', rng.pick(['entry1', 'modify21']));
    }
  });
}

const R = '/sys/fs/bpf/skep-scenario';
const map = (s: Stage, more = {}): number =>
  s.sys.bpf(C.BPF_MAP_CREATE, { map_type: 2, key_size: 4, value_size: 8, max_entries: 2, ...more });
const pin = (s: Stage, fd: number, path: string, more = {}): void =>
  s.tell(`pin ${path}`, () => s.sys.bpf(C.BPF_OBJ_PIN, { pathname: path, bpf_fd: fd, ...more }));
const unpin = (s: Stage, path: string): void => s.tell(`unlink ${path}`, () => s.sys.files?.unlink(path));

/** Opens a file and tells whether it could; gives the descriptor. */
function open(s: Stage, path: string, more = {}): number {
  const fd = s.sys.bpf(C.BPF_OBJ_GET, { pathname: path, ...more });
  s.tell(`get ${path}`, () => (fd > 0 ? 'opened' : fd));
  return fd;
}

function use(s: Stage, fd: number): void {
  const [key, value] = [new Uint8Array(4), new Uint8Array(8)];
  s.tell('update', () => s.sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key, value, flags: 0n }));
  s.tell('lookup', () => s.sys.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, key, value, flags: 0n }));
}

const PATHS = [`${R}.x`, `${R}/x`, '/sys/fs/bpf/no/x', '/sys/fs/bpf/', '', `/sys/fs/bpf/${'q'.repeat(256)}`];

const PINS: readonly Scenario[] = [
  ...PATHS.map((path) => scenario(`a map pinned to ${path.slice(0, 40)}`, (s) => pin(s, map(s), path))),
  ...[{ file_flags: 1 }, { file_flags: BPF_F_RDONLY }, { path_fd: 5 }, { path_fd: 999, file_flags: BPF_F_PATH_FD }].map(
    (more) => scenario(`a map pinned with ${JSON.stringify(more)}`, (s) => pin(s, map(s), 'x', more)),
  ),
  ...[{ file_flags: 1 }, { file_flags: BPF_F_RDONLY | BPF_F_WRONLY }, { bpf_fd: 3 }, { path_fd: 5 }].map((more) =>
    scenario(`a file opened with ${JSON.stringify(more)}`, (s) => {
      pin(s, map(s), R);
      open(s, R, more);
      unpin(s, R);
    }),
  ),
  ...[0, BPF_F_RDONLY, BPF_F_WRONLY].map((file_flags) =>
    scenario(`a map opened with flags ${file_flags}`, (s) => {
      pin(s, map(s), R);
      use(s, open(s, R, { file_flags }));
      unpin(s, R);
    }),
  ),
  scenario('a file keeps a map', (s) => {
    const fd = map(s);
    pin(s, fd, R);
    pin(s, fd, R);
    s.sys.close(fd);
    use(s, open(s, R));
    unpin(s, R);
    open(s, R);
    unpin(s, R);
  }),
  scenario('descriptors that are no objects', (s) => {
    for (const fd of [0, 999]) pin(s, fd, R);
  }),
];

const LINKS: readonly Scenario[] = [
  scenario('a link outlives the descriptor of its program', (s) => {
    const object = s.load('probe', 'probe1', 'entry');
    s.attach('probe', 'probe1');
    object.program('probe1').close();
    s.call('probe', 'entry');
    s.close('probe1');
    s.call('probe', 'entry');
  }),
  scenario('a pinned link outlives its descriptor', (s) => {
    s.load('probe', 'probe1', 'entry');
    s.attach('probe', 'probe1', { cookie: 3n });
    s.link('probe1').pin(R);
    s.close('probe1');
    s.call('probe', 'entry');
    s.sys.close(open(s, R));
    open(s, R, { file_flags: BPF_F_RDONLY });
    unpin(s, R);
    s.call('probe', 'entry');
  }),
  ...['probe1', 'entry', 'many', 'enter_raw'].map((name) =>
    scenario(`what a link of ${name} cannot do`, (s) => {
      s.load('probe', name, 'probe2');
      s.attach('probe', name, PROBES[name] ?? {});
      s.tell('detach', () => s.link(name).detach());
      s.tell('update', () => s.link(name).update({ fd: s.load('probe').program('probe2').fd }));
      s.tell('type', () => s.link(name).info().type);
    }),
  ),
  ...(
    [
      ['probe1', { function: 'no_such_function' }],
      ['return11', { function: 'no_such_function' }],
      ['many', { functions: ['no_such_function'] }],
      ['many', { functions: ['bpf_fentry_test1', 'bpf_fentry_test1'] }],
      ['many', { functions: ['bpf_fentry_test1'], cookies: [1n] }],
      ['many', { functions: ['bpf_fentry_test2', 'bpf_fentry_test1', 'bpf_fentry_test5'], cookies: [2n, 1n, 5n] }],
      ['exec', { tracepoint: 'net:sched_process_exec' }],
      ['exec', { tracepoint: 'sched:no_such_event' }],
      ['exec', { tracepoint: 'sched:sched_process_exit' }],
      ['too_far', {}],
      ['enter_raw', { tracepoint: 'no_such_tracepoint' }],
      ['enter_raw', { tracepoint: 'sys_exit' }],
    ] as const
  ).map(([name, options]) =>
    scenario(
      `${name} attached with ${JSON.stringify(options, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v))}`,
      (s) => {
        s.load('probe', name, 'entry');
        s.attach('probe', name, options);
        if (name === 'many') s.call('probe', 'entry');
      },
    ),
  ),
  scenario('one program attached twice', (s) => {
    s.load('probe', 'probe1', 'entry', 'many');
    s.attach('probe', 'probe1', { cookie: 1n }, 'first');
    s.attach('probe', 'probe1', { cookie: 2n }, 'second');
    s.attach('probe', 'entry', {}, 'entry');
    s.attach('probe', 'entry', {}, 'again');
    s.attach('probe', 'many', { functions: ['bpf_fentry_test1'], cookies: [3n] }, 'third');
    s.attach('probe', 'many', { functions: ['bpf_fentry_test1'], cookies: [4n] }, 'fourth');
    s.call('probe', 'entry');
    s.close('first');
    s.call('probe', 'entry');
  }),
  scenario('an object attached by its sections', (s) => {
    const object = s.load('probe', 'probe1', 'probe2', 'return11', 'entry', 'exit_');
    using links = object.attach();
    s.said.push([...links].map(([name]) => name).join(' '));
    s.call('probe', 'entry');
  }),
];

/** LINK_CREATE with fields that do not fit: program by name, and what is told. */
const WRONG: readonly (readonly [program: string, more: Record<string, unknown>])[] = [
  ['entry', { attach_type: 24 }],
  ['entry', { attach_type: 25 }],
  ['entry', { attach_type: 23 }],
  ['entry', { attach_type: 24, target_fd: 1 }],
  ['entry', { attach_type: 24, target_fd: 999, tracing: { target_btf_id: 1 } }],
  ['entry', { attach_type: 24, tracing: { target_btf_id: 1 } }],
  ['entry', { attach_type: 24, flags: 1 }],
  ['probe1', { attach_type: 41 }],
  ['probe1', { attach_type: 41, target_fd: 999 }],
  ['probe1', { attach_type: 41, flags: 1 }],
  ['probe1', { attach_type: 42, kprobe_multi: { syms: ['bpf_fentry_test1'] } }],
  ['probe1', { attach_type: 0 }],
  ['many', { attach_type: 41 }],
  ['many', { attach_type: 56, kprobe_multi: { syms: ['bpf_fentry_test1'] } }],
  ['many', { attach_type: 42 }],
  ['many', { attach_type: 42, kprobe_multi: { syms: [] } }],
  ['many', { attach_type: 42, kprobe_multi: { syms: ['bpf_fentry_test1'], flags: 2 } }],
  ['many', { attach_type: 42, kprobe_multi: { syms: ['bpf_fentry_test1'], flags: 1 } }],
  ['many', { attach_type: 42, kprobe_multi: { syms: ['bpf_fentry_test1'], addrs: new Uint8Array(8) } }],
  ['many', { attach_type: 42, target_fd: 3, kprobe_multi: { syms: ['bpf_fentry_test1'] } }],
  ['many', { attach_type: 42, flags: 1, kprobe_multi: { syms: ['bpf_fentry_test1'] } }],
  ['session', { attach_type: 56, kprobe_multi: { syms: ['bpf_fentry_test1'], flags: 1 } }],
  ['session', { attach_type: 56, kprobe_multi: { syms: ['bpf_fentry_test1'] } }],
  ['session', { attach_type: 42, kprobe_multi: { syms: ['bpf_fentry_test1'] } }],
  ['exec', { attach_type: 41 }],
  ['exec', { attach_type: 42 }],
  ['enter_raw', { attach_type: 23 }],
  ['enter_raw', { attach_type: 0 }],
  ['entry', { attach_type: 44 }],
  ['entry', { attach_type: 999 }],
];

const CREATED: readonly Scenario[] = WRONG.map(([program, more], i) =>
  scenario(`link_create ${i}: ${program} ${Object.keys(more).join(' ')} ${String(more['attach_type'])}`, (s) => {
    const prog_fd = s.load('probe', program, 'entry').program(program).fd;
    const fd = s.sys.bpf(C.BPF_LINK_CREATE, { link_create: { prog_fd, ...more } as never });
    s.tell('link_create', () => (fd >= 0 ? 'attached' : fd));
    if (fd >= 0) {
      s.call('probe', 'entry');
      s.sys.close(fd);
    }
  }),
);

const RUNS: readonly Scenario[] = [
  scenario('sessions are called at the return when their entry said 0', (s) => {
    const object = s.load('probe', 'session', 'entry', 'probe1', 'return11');
    s.attach('probe', 'probe1');
    s.attach('probe', 'session', { functions: ['bpf_fentry_test1'] });
    s.attach('probe', 'return11');
    for (const skip of [0, 1]) {
      object.variable('skip').setVariable('skip', skip);
      s.call('probe', 'entry');
    }
  }),
  scenario('arguments of all functions at once', (s) => {
    s.load('probe', 'probe6', 'entry');
    s.attach('probe', 'probe6', { cookie: 0xffff_ffff_ffff_ffffn });
    s.call('probe', 'entry');
  }),
  ...['entry1', 'exit11', 'modify21'].map((program) =>
    scenario(`test runs of ${program} with fields that they do not have`, (s) => {
      const prog_fd = s.load('trace', program).program(program).fd;
      for (const more of [
        {},
        { flags: 1 },
        { cpu: 1 },
        { batch_size: 1 },
        { repeat: 5 },
        { ctx_in: new Uint8Array(8) },
      ])
        s.tell(`run ${Object.keys(more).join()}`, () => {
          const test = { prog_fd, retval: 0, ...more };
          const result = s.sys.bpf(C.BPF_PROG_TEST_RUN, { test });
          return result < 0 ? result : test.retval;
        });
    }),
  ),
];

const some = (count: number, make: (seed: number) => Scenario): Scenario[] =>
  Array.from({ length: count }, (_, i) => make(i + 1));

export const SCENARIOS: readonly Scenario[] = [
  ...some(40, order),
  ...some(30, trampolines),
  ...PINS,
  ...LINKS,
  ...CREATED,
  ...RUNS,
];
