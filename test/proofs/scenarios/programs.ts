/** Scripts about programs on functions of other programs: in their place, and around them (on-prog.c). */
import type { Btf } from '../../../src/btf/btf.ts';
import { BTF_KIND } from '../../../src/btf/types.ts';
import { lastLogLine, BpfError } from '../../../src/lib/errors.ts';
import { prepareProgram } from '../../../src/lib/prepare.ts';
import { BPF_ATTACH_TYPE } from '../../../src/uapi/attach-types.ts';
import type { ProgLoadAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { errnoName } from '../../../src/uapi/errno.ts';
import { BPF_F_SLEEPABLE } from '../../../src/uapi/flags.ts';
import type { AttachOptions } from '../../../src/lib/attach/attach.ts';
import type { Link } from '../../../src/lib/attach/link.ts';
import type { Collection } from '../../../src/lib/collection.ts';
import { Program } from '../../../src/lib/program.ts';
import { readObjInfo } from '../../../src/uapi/obj-info.ts';
import { Rng } from '../differential/rng.ts';
import { type Scenario, scenario } from './scenario.ts';
import { noteText, type Note, type Stage } from './stage.ts';

const TARGETS = [
  'tc_target',
  'plain',
  'caller',
  'xdp_target',
  'xdp_caller',
  'egress',
  'follows',
  'throws',
  'odd_target',
];

/** Targets that are loaded, and what is loaded and attached to them by name; all note what they do in the targets' variables. */
class Pair {
  readonly #s: Stage;
  readonly #targets: Collection;
  readonly #loaded = new Map<string, Collection>();
  readonly #links = new Map<string, Link>();
  readonly #names = new Map<number, string>();
  readonly #untyped = new Map<string, Program>();

  constructor(s: Stage) {
    this.#s = s;
    this.#targets = s.load('on-prog', ...TARGETS);
    for (const name of TARGETS) this.#names.set(this.program(name).id, name);
  }

  program(name: string): Program {
    return this.#untyped.get(name) ?? this.#loaded.get(name)?.program(name) ?? this.#targets.program(name);
  }

  /** Loads a program for a function of another, and tells whether it could or what the verifier said. */
  load(name: string, on: string, fn?: string): void {
    const shared = ['.bss', 'jumps'].map((map) => [map, this.#targets.map(map).fd] as const);
    try {
      const loaded = this.#s.spec('on-prog').load(this.#s.sys, {
        programs: [name],
        maps: new Map(shared),
        attachTargets: { [name]: { program: this.program(on), ...(fn === undefined ? {} : { function: fn }) } },
      });
      this.#loaded.set(name, this.#s.own(loaded));
      this.#names.set(loaded.program(name).id, name);
      this.#s.said.push(`load ${name}: ok`);
    } catch (e) {
      if (!(e instanceof BpfError)) throw e;
      this.#s.said.push(`load ${name}: ${e.code} ${lastLogLine(e.log)}`);
    }
  }

  /** Loads with attributes that the loader would not give, and tells the last line of the verifier. */
  loadAs(name: string, on: string, change: (attr: ProgLoadAttr, btf: Btf) => Partial<ProgLoadAttr>): void {
    const { sys } = this.#s;
    const spec = this.#s.spec('on-prog');
    const btf = spec.btf;
    if (btf === undefined) throw new Error('the object has types');
    const btfFd = sys.bpf(BPF_CMD.BPF_BTF_LOAD, { btf: btf.bytes });
    const target = { fd: this.program(on).fd, btf, function: undefined };
    const { attr } = prepareProgram(spec, name, { mapFd: (map) => this.#targets.map(map.name).fd, btfFd, target });
    const log_buf = new Uint8Array(1 << 16);
    const given = { ...attr, log_level: 1, log_buf, ...change(attr, btf) };
    const answer = sys.bpf(BPF_CMD.BPF_PROG_LOAD, given);
    const text = new TextDecoder().decode(log_buf.subarray(0, log_buf.indexOf(0)));
    this.#s.said.push(`load ${name}: ${answer < 0 ? errnoName(-answer) : 'ok'} ${answer < 0 ? lastLogLine(text) : ''}`);
    if (answer > 0) sys.close(answer);
    sys.close(btfFd);
  }

  attach(name: string, options: AttachOptions = {}, as = name): void {
    this.#s.tell(`attach ${as}`, () => {
      this.#links.set(as, this.#s.own(this.program(name).attach(options)));
      return 'attached';
    });
  }

  /** Takes a target that was loaded without types in place of one. */
  untyped(name: string): void {
    const spec = this.#s.spec('on-prog');
    const { attr } = prepareProgram(spec, name, { mapFd: (map) => this.#targets.map(map.name).fd });
    const fd = this.#s.sys.bpf(BPF_CMD.BPF_PROG_LOAD, attr);
    const program = new Program(this.#s.sys, fd, this.program(name).spec, '');
    this.#untyped.set(name, this.#s.own(program));
  }

  on(target: string, fn?: string): AttachOptions {
    return { target: { program: this.program(target), ...(fn === undefined ? {} : { function: fn }) } };
  }

  link(name: string): Link {
    const link = this.#links.get(name);
    if (link === undefined) throw new Error(`no link ${name}`);
    return link;
  }

  close(name: string): void {
    const link = this.#links.get(name);
    this.#links.delete(name);
    link?.close();
    this.#s.said.push(`close ${name}${link === undefined ? ': it was not attached' : ''}`);
  }

  run(name: string, length = 64): void {
    this.#s.tell(`run ${name}`, () => this.program(name).testRun({ data: new Uint8Array(length) }).retval | 0);
    const count = Number(this.#targets.variable('count').getVariable('count'));
    const notes = this.#targets.variable('seen').getVariable('seen') as unknown as Note[];
    this.#targets.variable('count').setVariable('count', 0);
    this.#s.said.push(notes.slice(0, count).map(noteText).join(' '));
  }

  jump(index: number, name: string): void {
    this.#s.tell(`jump ${index} ${name}`, () => this.#targets.map('jumps').update(index, this.program(name)));
  }

  /** What a link tells of itself, ids by the names of their programs. */
  tell(name: string): void {
    const info = readObjInfo(this.#s.sys, 'link_tracing', this.link(name).fd);
    if (typeof info === 'number') throw new Error(`no information on ${name}`);
    const { type, attach_type, target_obj_id, cookie, prog_id } = info.values;
    const id = (value: unknown): string => this.#names.get(Number(value)) ?? String(value);
    this.#s.said.push(`${name}: type ${type} ${attach_type}, ${id(prog_id)} on ${id(target_obj_id)}, cookie ${cookie}`);
  }
}

const firstPointer = (btf: Btf): number => {
  for (let id = 1; ; id++) if (btf.kind(id) === BTF_KIND.PTR) return id;
};

const script = (name: string, play: (p: Pair) => void): Scenario => scenario(name, (s) => play(new Pair(s)));

const FITS: readonly (readonly [name: string, on: string, fn?: string])[] = [
  ...['new_hidden', 'two_args', 'wide_result', 'wide_arg', 'other_ctx', 'modify_twice', 'new_pull'].map(
    (name) => [name, 'tc_target'] as const,
  ),
  ...['enum_result', 'enum_arg', 'static_twice', 'sleeping_twice'].map((name) => [name, 'tc_target'] as const),
  ['new_follow', 'follows'],
  ['new_odd', 'odd_target'],
  ['entry_throw', 'throws'],
  ['new_on_throw', 'throws'],
  ['new_jump', 'caller'],
  ['new_allow', 'egress'],
  ['wrong_allow', 'egress'],
  ['wrong_egress', 'egress'],
  ['exit_tc', 'egress', 'allow'],
  ['new_twice', 'tc_target', 'plus'],
  ['new_plus', 'tc_target', 'tc_target'],
  ['new_tc', 'tc_target', 'hidden'],
  ['new_plus', 'xdp_target', 'verdict'],
  ['new_verdict', 'tc_target', 'tc_target'],
  ['new_twice', 'tc_target', 'verdict'],
  ['exit_xdp', 'tc_target', 'tc_target'],
  ['exit_tc', 'xdp_target', 'verdict'],
  ['exit_hidden', 'tc_target', 'twice'],
  ['exit_plus', 'tc_target', 'tc_target'],
  ['entry_twice', 'tc_target', 'hidden'],
];

const AROUND = ['entry_tc', 'exit_tc', 'entry_again', 'exit_again', 'entry_twice', 'exit_twice', 'exit_plus'];

/** Programs come and go on functions of one program, which runs in between. */
const order = (seed: number): Scenario =>
  script(`programs come and go on a program, ${seed}`, (p) => {
    const rng = new Rng(seed);
    const names = [...AROUND, 'entry_hidden', 'exit_hidden', 'new_plus', 'new_twice'];
    const on = new Set<string>();
    for (let step = 0; step < 12; step++) {
      const name = rng.pick(names);
      if (on.has(name)) {
        p.close(name);
        on.delete(name);
      } else {
        p.load(name, 'tc_target');
        p.attach(name, name.startsWith('new') ? {} : { cookie: BigInt(rng.below(3)) });
        on.add(name);
      }
      if (step % 3 === 2) p.run('tc_target', 60 + rng.below(9));
    }
  });

export const PROGRAMS: readonly Scenario[] = [
  ...FITS.map(([name, on, fn]) =>
    script(`${name} loaded for ${fn ?? 'its function'} of ${on}`, (p) => p.load(name, on, fn)),
  ),
  ...Array.from({ length: 12 }, (_, i) => order(i + 1)),
  script('a function of a program that traces is not replaced', (p) => {
    p.load('entry_parts', 'tc_target');
    p.load('new_part', 'entry_parts');
    p.load('entry_twice', 'entry_parts', 'part');
    p.attach('entry_parts');
    p.attach('entry_twice');
    p.run('tc_target');
  }),
  script('a replacement without a program', (p) => {
    p.loadAs('new_twice', 'tc_target', () => ({ attach_prog_fd: 0 }));
  }),
  script('a replacement without types', (p) => {
    p.loadAs('new_twice', 'tc_target', () => ({ func_info: new Uint8Array(0), line_info: new Uint8Array(0) }));
  }),
  script('a replacement for no type, an unknown type, a type without a name, a struct', (p) => {
    p.loadAs('new_twice', 'tc_target', () => ({ attach_btf_id: 0 }));
    p.loadAs('new_twice', 'tc_target', () => ({ attach_btf_id: 9999 }));
    p.loadAs('new_twice', 'tc_target', (_, btf) => ({ attach_btf_id: firstPointer(btf) }));
    p.loadAs('new_twice', 'tc_target', (_, btf) => ({ attach_btf_id: btf.find('note', BTF_KIND.STRUCT) }));
  }),
  script('raw tracepoints, iterators and sleeping programs on a program', (p) => {
    p.loadAs('entry_tc', 'tc_target', () => ({ expected_attach_type: BPF_ATTACH_TYPE.BPF_TRACE_RAW_TP }));
    p.loadAs('entry_tc', 'tc_target', () => ({ expected_attach_type: BPF_ATTACH_TYPE.BPF_TRACE_ITER }));
    p.loadAs('entry_tc', 'tc_target', () => ({ prog_flags: BPF_F_SLEEPABLE }));
    p.loadAs('new_tc', 'tc_target', () => ({ prog_flags: BPF_F_SLEEPABLE }));
    p.loadAs('new_tc', 'tc_target', () => ({ expected_attach_type: BPF_ATTACH_TYPE.BPF_TRACE_FENTRY }));
  }),
  script('on a program without types', (p) => {
    p.untyped('plain');
    p.loadAs('new_twice', 'plain', () => ({}));
    p.loadAs('entry_twice', 'plain', () => ({}));
  }),
  script('a function is replaced, by one program at a time', (p) => {
    p.load('new_twice', 'tc_target');
    p.load('other_twice', 'tc_target');
    p.attach('new_twice');
    p.run('tc_target');
    p.attach('other_twice');
    p.attach('new_twice', {}, 'again');
    p.close('new_twice');
    p.run('tc_target');
    p.attach('other_twice');
    p.run('tc_target');
    p.close('other_twice');
    p.attach('new_twice', {}, 'without a target');
    p.attach('new_twice', p.on('tc_target'), 'with a target');
    p.run('tc_target');
  }),
  script('a function of another program than the one at the load', (p) => {
    p.load('new_twice', 'tc_target');
    p.attach('new_twice', { ...p.on('plain'), cookie: 5n });
    p.tell('new_twice');
    p.run('plain');
    p.run('tc_target');
    p.attach('new_twice', {}, 'at home');
    p.attach('new_twice', p.on('tc_target', 'plus'), 'on plus');
    p.attach('new_twice', p.on('xdp_target', 'verdict'), 'on verdict');
    p.attach('new_twice', p.on('tc_target'), 'at home, by name');
    p.run('tc_target');
    p.attach('new_twice', p.on('tc_target'), 'twice');
  }),
  script('a main function and one that it calls are replaced', (p) => {
    p.load('new_plus', 'tc_target');
    p.attach('new_plus');
    p.run('tc_target', 70);
    p.load('new_tc', 'tc_target');
    p.attach('new_tc');
    p.run('tc_target', 70);
    p.close('new_plus');
    p.close('new_tc');
    p.run('tc_target', 70);
  }),
  script('functions of xdp', (p) => {
    p.load('new_verdict', 'xdp_caller');
    p.attach('new_verdict');
    p.run('xdp_caller');
    p.run('xdp_target');
    p.load('exit_xdp', 'xdp_target');
    p.attach('exit_xdp', { cookie: 9n });
    p.load('entry_verdict', 'xdp_target');
    p.attach('entry_verdict');
    p.tell('exit_xdp');
    p.tell('entry_verdict');
    p.run('xdp_target', 100);
    p.close('new_verdict');
    p.run('xdp_caller');
  }),
  script('around a function whose prototype is not to be trusted', (p) => {
    p.load('exit_odd', 'odd_target');
    p.attach('exit_odd');
    p.run('odd_target');
  }),
  script('functions of cgroup_skb', (p) => {
    p.run('egress');
    p.load('new_allow', 'egress');
    p.attach('new_allow');
    p.run('egress');
    p.close('new_allow');
    p.run('egress');
  }),
  script('around all functions of a program', (p) => {
    for (const name of [...AROUND, 'entry_hidden', 'exit_hidden']) {
      p.load(name, 'tc_target');
      p.attach(name, { cookie: 7n });
    }
    p.run('tc_target');
    p.close('entry_tc');
    p.close('exit_twice');
    p.run('tc_target');
    p.attach('entry_tc', {}, 'once more');
    p.attach('entry_tc', { cookie: 1n }, 'once more, with a cookie');
    p.attach('entry_tc', p.on('tc_target'), 'once more, with a target');
  }),
  script('around a function, or in its place', (p) => {
    p.load('new_twice', 'tc_target');
    p.load('entry_twice', 'tc_target');
    p.attach('entry_twice');
    p.attach('new_twice');
    p.close('entry_twice');
    p.attach('new_twice');
    p.load('entry_twice', 'tc_target');
    p.attach('entry_twice');
    p.run('tc_target');
  }),
  script('around the program that took the place of a function', (p) => {
    p.load('new_twice', 'tc_target');
    p.attach('new_twice');
    p.load('entry_twice', 'new_twice', 'new_twice');
    p.load('exit_twice', 'new_twice', 'new_twice');
    p.attach('entry_twice');
    p.attach('exit_twice');
    p.tell('entry_twice');
    p.run('tc_target');
    p.close('entry_twice');
    p.run('tc_target');
    p.close('new_twice');
    p.run('tc_target');
  }),
  script('tail calls enter a program behind what is around it', (p) => {
    p.load('entry_plain', 'plain');
    p.load('exit_plain', 'plain');
    p.attach('entry_plain');
    p.attach('exit_plain');
    p.jump(0, 'plain');
    p.run('caller');
    p.run('plain');
    p.load('entry_twice', 'plain');
    p.attach('entry_twice');
    p.run('caller');
  }),
  script('elements of prog arrays are not extended, nor extended programs elements', (p) => {
    p.load('new_twice', 'plain');
    p.attach('new_twice');
    p.jump(0, 'plain');
    p.close('new_twice');
    p.jump(0, 'plain');
    p.run('caller');
    p.load('new_twice', 'plain');
    p.attach('new_twice');
    p.jump(0, 'tc_target');
    p.attach('new_twice');
    p.run('plain');
  }),
  script('what replaces a function is no element of a prog array', (p) => {
    p.load('new_tc', 'tc_target');
    p.jump(1, 'new_tc');
    p.attach('new_tc');
    p.jump(1, 'new_tc');
  }),
  script('tail calls in place of a function', (p) => {
    p.load('new_jump', 'caller');
    p.attach('new_jump');
    p.run('caller');
    p.close('new_jump');
    p.run('caller');
  }),
  script('programs that trace programs that trace', (p) => {
    p.load('entry_twice', 'tc_target');
    p.load('entry_entry', 'entry_twice');
    p.attach('entry_twice');
    p.attach('entry_entry');
    p.run('tc_target');
    p.load('entry_thrice', 'entry_entry');
    p.load('on_entry', 'entry_twice');
    p.close('entry_twice');
    p.run('tc_target');
  }),
  script('what takes the place of what took the place of a function', (p) => {
    p.load('new_twice', 'tc_target');
    p.load('again', 'new_twice');
  }),
  script('a target lives as long as what stands on it', (p) => {
    p.load('entry_plain', 'plain');
    p.attach('entry_plain');
    p.tell('entry_plain');
    p.program('plain').close();
    p.tell('entry_plain');
  }),
];
