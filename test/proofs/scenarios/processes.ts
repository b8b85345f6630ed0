/** Scripts about processes: what programs see of them and do to them, asked by access(2) with a mode that says what (process.c). */
import { errnoName } from '../../../src/uapi/errno.ts';
import type { Actor } from './actor.ts';
import { CGROUPS } from './cgroups.ts';
import { type Scenario, scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

const ASKED = 0x1000;
/** What the program is asked for: see process.c. */
const ASK = {
  readUser: 1,
  readUserText: 2,
  readKernel: 3,
  write: 4,
  signal: 5,
  threadSignal: 6,
  numbers: 7,
  ids: 8,
  credentials: 9,
} as const;
const AT = 0x5555_0000_0000;
const PAGE = 4096;

interface Seen {
  readonly ret: bigint;
  readonly count: number;
  readonly text: string;
  readonly words: readonly bigint[];
}

/** Sets what the programs are given. */
function give(s: Stage, values: Readonly<Record<string, number | bigint>>): void {
  const object = s.load('process', 'act', 'registers', 'peek');
  for (const [name, value] of Object.entries(values)) object.variable(name).setVariable(name, value);
}

function seen(s: Stage): Seen {
  return s.load('process').variable('seen').getVariable('seen') as unknown as Seen;
}

const result = (ret: bigint): string => (ret < 0n ? errnoName(Number(-ret)) : String(ret));

/** Has a process ask the program for something about an address, and tells what it got. */
function ask(s: Stage, actor: Actor, what: keyof typeof ASK, at: number, size = 8, thread = false): void {
  give(s, { size });
  const before = seen(s).count;
  const pending = actor.access(at, ASKED + ASK[what], thread);
  const { ret, count, text } = seen(s);
  const waiting = pending.length === 0 ? '' : ` pending ${pending.join()}`;
  s.said.push(`${what}: ${count - before} ${result(ret)} ${JSON.stringify(text)}${waiting}`);
}

/** What iterators read of a process. */
function peek(s: Stage, actor: Actor, address: number, more: { size?: number; flags?: number } = {}): void {
  give(s, { size: 8, flags: 0, address: BigInt(address), tid: actor.pid, ...more });
  const before = seen(s).count;
  using link = s.load('process').program('peek').attach();
  link.read();
  const { ret, count, text } = seen(s);
  s.said.push(`peek: ${count - before} ${result(ret)} ${JSON.stringify(text)}`);
}

const begin = (s: Stage): void => {
  s.load('process', 'act', 'registers', 'peek');
  s.attach('process', 'act');
};

const MEMORY: readonly Scenario[] = [
  scenario('one address means other bytes in another process', (s) => {
    begin(s);
    const [a, b] = [s.actor(), s.actor()];
    a.map(AT, 'of A');
    b.map(AT, 'of B');
    for (const actor of [a, b, a]) ask(s, actor, 'readUserText', AT);
    b.unmap(AT);
    for (const actor of [a, b]) ask(s, actor, 'readUser', AT);
    for (const actor of [a, b]) peek(s, actor, AT);
  }),
  scenario('threads share memory', (s) => {
    begin(s);
    const a = s.actor();
    a.map(AT, 'shared');
    ask(s, a, 'readUserText', AT, 8, true);
    ask(s, a, 'write', AT, 4, true);
    s.said.push(a.read(AT, 6));
  }),
  scenario('reads over the end of a page', (s) => {
    begin(s);
    const a = s.actor();
    a.map(AT, 'x'.repeat(PAGE));
    for (const size of [0, 1, 4, 5]) ask(s, a, 'readUser', AT + PAGE - 4, size);
    for (const size of [0, 1, 4, 5]) ask(s, a, 'readUserText', AT + PAGE - 4, size);
    a.map(AT + PAGE, 'yz');
    ask(s, a, 'readUser', AT + PAGE - 4, 8);
    ask(s, a, 'readUserText', AT + PAGE - 4, 15);
    for (const size of [4, 8]) peek(s, a, AT + PAGE - 4, { size });
    a.unmap(AT + PAGE);
    for (const size of [4, 5]) peek(s, a, AT + PAGE - 4, { size });
  }),
  scenario('what peeking is given', (s) => {
    begin(s);
    const a = s.actor();
    a.map(AT, 'content');
    peek(s, a, AT, { flags: 1 });
    peek(s, a, AT, { size: 0 });
    peek(s, a, 0);
    peek(s, a, AT, { size: 3 });
  }),
  scenario('addresses of processes are none of the kernel', (s) => {
    begin(s);
    const a = s.actor();
    a.map(AT, 'content');
    for (const size of [0, 4]) ask(s, a, 'readKernel', AT, size);
    for (const at of [0, 8, AT - 1]) ask(s, a, 'readUser', at);
  }),
  scenario('writes go where the process may write', (s) => {
    begin(s);
    const a = s.actor();
    a.map(AT, '................');
    ask(s, a, 'write', AT + 2, 7);
    ask(s, a, 'write', AT + PAGE - 3, 3);
    ask(s, a, 'write', AT + PAGE - 3, 4);
    s.said.push(a.read(AT, 16));
    a.map(AT + PAGE, 'read only', { readOnly: true });
    ask(s, a, 'write', AT + PAGE, 4);
    ask(s, a, 'write', AT + PAGE - 2, 4);
    s.said.push(a.read(AT + PAGE, 9), a.read(AT + PAGE - 3, 3));
  }),
];

const SIGNALS: readonly Scenario[] = [
  ...([10, 0, 1, 17, 18, 34, 64, 65, 0x8000_0000, 0xffff_ffff] as const).map((sig) =>
    scenario(`signal ${sig}`, (s) => {
      begin(s);
      const a = s.actor();
      for (const what of ['signal', 'threadSignal'] as const) {
        give(s, { sig });
        ask(s, a, what, 0);
      }
    }),
  ),
  scenario('signals are taken by number, faults first, real-time ones as often as they came', (s) => {
    begin(s);
    const a = s.actor();
    for (const sig of [35, 12, 10, 35, 11, 10]) {
      give(s, { sig });
      ask(s, a, 'signal', 0);
    }
    give(s, { sig: 15 });
    ask(s, a, 'threadSignal', 0);
    for (let i = 0; i < 8; i++) s.said.push(`take ${a.take()}`);
  }),
  scenario('a thread gets its own', (s) => {
    begin(s);
    const a = s.actor();
    give(s, { sig: 12 });
    ask(s, a, 'threadSignal', 0, 8, true);
    s.said.push(a.pending().join());
    give(s, { sig: 10 });
    ask(s, a, 'signal', 0, 8, true);
    s.said.push(a.pending().join());
  }),
];

const REGISTERS: readonly Scenario[] = [
  scenario('registers of a system call', (s) => {
    s.load('process', 'act', 'registers', 'peek');
    s.attach('process', 'registers');
    const a = s.actor();
    for (const at of [1, AT]) {
      a.access(at, ASKED);
      s.said.push(seen(s).words.slice(0, 5).join());
    }
  }),
];

/** What a program sees of a process, with numbers that differ from run to run told by what they should be. */
function tellIds(s: Stage, actor: Actor, thread = false): void {
  ask(s, actor, 'ids', 0, 8, thread);
  const { words } = seen(s);
  const [device, inode] = actor.namespace('pid');
  const pid = BigInt(actor.pid);
  s.said.push(
    `level ${words[0]} of ${words[3]}, ${words[0] === 0n ? `its pid ${words[2] === words[7]}` : words[2]}`,
    `first ${words[1] === words[7]}, inode ${words[4] === BigInt(inode)}, leader ${words[6] === pid}, tgid ${words[8] === pid}`,
    `pid ${words[7] === pid}, booted ${words[10] >= words[9]}, memory ${words[11]}`,
  );
  for (const [dev, ino] of [
    [device, inode],
    [device, 0xefff_fffc],
    [device + 1, inode],
    [device, inode + 1],
  ]) {
    give(s, { dev, ino });
    ask(s, actor, 'numbers', 0, 8, thread);
    const [number, process] = seen(s).words;
    const told = (value: bigint): string =>
      value === words[7] ? 'its pid' : value === pid ? 'its process' : `${value}`;
    s.said.push(`${told(number)}, ${told(process)}`);
  }
}

const NAMESPACES: readonly Scenario[] = [
  ...([[], ['pid'], ['user'], ['user', 'pid']] as const).map((namespaces) =>
    scenario(`a process in new namespaces: ${namespaces.join() || 'none'}`, (s) => {
      begin(s);
      const a = s.actor({ namespaces });
      tellIds(s, a);
      ask(s, a, 'credentials', 0);
      s.said.push(seen(s).words.slice(0, 7).join());
    }),
  ),
  scenario('a thread in a new namespace', (s) => {
    begin(s);
    tellIds(s, s.actor({ namespaces: ['pid'] }), true);
  }),
  scenario('two namespaces number their processes alike', (s) => {
    begin(s);
    const [a, b] = [s.actor({ namespaces: ['pid'] }), s.actor({ namespaces: ['pid'] })];
    s.said.push(`${a.namespace('pid')[1] === b.namespace('pid')[1]}`);
    tellIds(s, a);
    tellIds(s, b);
  }),
  ...(
    [
      [1000, 100],
      [0, 5],
      [65534, 65534],
    ] as const
  ).map(([uid, gid]) =>
    scenario(`credentials of uid ${uid}, gid ${gid}`, (s) => {
      begin(s);
      for (const namespaces of [[], ['user']] as const) {
        ask(s, s.actor({ uid, gid, namespaces }), 'credentials', 0);
        s.said.push(seen(s).words.slice(0, 7).join());
      }
    }),
  ),
];

export const PROCESSES: readonly Scenario[] = [...MEMORY, ...SIGNALS, ...REGISTERS, ...NAMESPACES, ...CGROUPS];
