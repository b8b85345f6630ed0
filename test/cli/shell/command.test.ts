/** Words of every command that are not understood: wrong usage, with the nearest that is, and nothing is done. */
import { existsSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { FIREWALL, PROGRAMS, scratch, skep, TRAFFIC } from '../skep.ts';

const files = scratch();
afterAll(() => files.remove());
const json = files.file('pairs.json', '[]');
const out = files.path('out.pcap');

/** Command line after its command, and what the complaint says. */
type Row = readonly [words: readonly string[], says: string];

const RUN = [PROGRAMS, '--prog', 'accepted'];
const TABLE: Readonly<Record<string, readonly Row[]>> = {
  run: [
    [[], 'run needs one object file'],
    [[PROGRAMS, 'other.o'], "'other.o' was not expected"],
    [[PROGRAMS, '--prgo', 'accepted'], 'run has no option --prgo (did you mean --prog?)'],
    [[PROGRAMS, '--log-level', '1'], 'run has no option --log-level'],
    [[...RUN, '--prog', 'refused'], '--prog is given twice'],
    [[...RUN, '--prog', 'accepted'], '--prog is given twice'],
    [[PROGRAMS, '--prog', 'acepted'], 'there is no program acepted (did you mean accepted?)'],
    [[...RUN, '--engine', 'jti'], "'jti' is not (did you mean jit?)"],
    [[...RUN, '--engine', 'jit', '--backend', 'kernel'], '--engine and --backend kernel exclude each other'],
    [[...RUN, '--cpus', '2', '--backend', 'kernel'], '--cpus and --backend kernel exclude each other'],
    [[...RUN, '--data-in', json, '--pcap', TRAFFIC], '--data-in and --pcap exclude each other'],
    [[...RUN, '--ctx-in', json, '--pcap', TRAFFIC], '--ctx-in and --pcap exclude each other'],
    [[...RUN, '--pcap-out', out], '--pcap-out needs --pcap'],
    [[...RUN, '--event-type', 'x'], '--event-type needs --events'],
    [[...RUN, '--repeat', '0'], '--repeat must be a whole number from 1'],
    [[...RUN, '--repeat', 'NaN'], "'NaN' is not"],
    [[...RUN, '--repeat', '1.5'], "'1.5' is not"],
    [[...RUN, '--repeat=-1'], "'-1' is not"],
    [[...RUN, '--repeat', '-1'], 'ambiguous'],
    [[...RUN, '--repeat', '4294967296'], 'from 1 to 4294967295'],
    [[...RUN, '--cpus', '0'], '--cpus must be a whole number from 1 to 1024'],
    [[...RUN, '--set', 'verdct=1'], 'there is no global variable verdct (did you mean verdict?)'],
    [[...RUN, '--set', 'verdict=1', '--set', 'verdict=2'], '--set verdict is given twice'],
    [[...RUN, '--set', 'verdict'], '--set takes VARIABLE=VALUE'],
    [[...RUN, '--set', 'verdict=1.5'], '--set verdict'],
    [[...RUN, '--set', 'verdict=4294967296'], 'does not fit 32 bits'],
    [[...RUN, '--map', `pars=${json}`], 'there is no map pars (did you mean pairs?)'],
    [[...RUN, '--map', `pairs=${json}`, '--map', `pairs=${json}`], `--map pairs=${json} is given twice`],
    [[...RUN, '--tail', 'jmps:0=target'], 'there is no map jmps (did you mean jumps?)'],
    [[...RUN, '--tail', 'jumps:0=tarket'], 'there is no program tarket (did you mean target?)'],
    [[...RUN, '--tail', 'jumps:4294967296=target'], 'the index of --tail must be'],
    [[...RUN, '--tail', 'jumps:0=target', '--tail', 'jumps:0=accepted'], '--tail jumps:0 is given twice'],
    [[...RUN, '--prog-flags', 'acepted=2'], 'there is no program acepted (did you mean accepted?)'],
    [[...RUN, '--prog-flags', 'accepted=x'], 'flags of accepted must be a whole number'],
    [[...RUN, '--events', '--event-type', 'piars=x'], 'there is no map piars (did you mean pairs?)'],
    [[...RUN, '--events', '--event-type', 'pairs=x'], 'map pairs is no ring buffer'],
  ],
  verify: [
    [[], 'verify needs an object file'],
    [[PROGRAMS, '--jsn'], 'verify has no option --jsn (did you mean --json?)'],
    [[PROGRAMS, '--pcap', 'x'], 'verify has no option --pcap'],
    [[PROGRAMS, '--json', '--json'], '--json is given twice'],
    [[PROGRAMS, '--json=1'], "'--json' does not take an argument"],
    [[PROGRAMS, '--prog', 'accepted', '--prog', 'accepted'], '--prog accepted is given twice'],
    [[PROGRAMS, '--prog', 'acepted'], 'there is no program acepted (did you mean accepted?)'],
    [[PROGRAMS, '--prog-flags', 'acepted=2'], 'there is no program acepted (did you mean accepted?)'],
    [[PROGRAMS, '--prog-flags', 'accepted=1', '--prog-flags', 'accepted=2'], '--prog-flags accepted is given twice'],
    [[PROGRAMS, '--type', 'nope*=tc'], 'there is no section nope*; the object has xdp'],
    [[PROGRAMS, '--log-level', '-1'], "'--log-level' argument is ambiguous\nsee: skep help verify"],
    [[PROGRAMS, '--log-level', '8'], '--log-level must be a whole number from 0 to 7'],
    [[PROGRAMS, '--cpus', '0'], '--cpus must be a whole number from 1'],
    [[PROGRAMS, '--cpus', '2', '--backend', 'kernel'], '--cpus and --backend kernel exclude each other'],
    [[PROGRAMS, '--backend', 'kernl'], "'kernl' is not (did you mean kernel?)"],
    [[PROGRAMS, '--profile', '6.17'], '--profile is 6.18'],
  ],
  bench: [
    [[], 'bench needs one object file'],
    [[FIREWALL, FIREWALL], 'was not expected'],
    [[FIREWALL, '--round', '3'], 'bench has no option --round (did you mean --rounds?)'],
    [[FIREWALL, '--rounds', '0'], '--rounds must be a whole number from 1 to 10000'],
    [[FIREWALL, '--prog', 'firewal', '--no-kernel'], 'there is no program firewal (did you mean firewall?)'],
  ],
  conformance: [
    [['00', '11'], "'11' was not expected"],
    [['00', '--programm', '95'], 'conformance has no option --programm (did you mean --program?)'],
    [['00', '--engine', 'jit', '--engine', 'interp'], '--engine is given twice'],
  ],
  prog: [
    [[], 'prog needs a verb'],
    [['shw', PROGRAMS], "prog has no verb 'shw' (did you mean show?)"],
    [['show'], 'prog needs an object file'],
    [['show', PROGRAMS, 'name'], 'name of what?'],
    [['show', PROGRAMS, 'name', 'accepted', 'more'], "'more' was not expected"],
    [['show', PROGRAMS, 'name', 'accepted', 'name', 'refused'], 'name is given twice'],
    [['show', PROGRAMS, 'name', 'acepted'], 'did you mean accepted?'],
    [['show', PROGRAMS, 'id', '1'], 'id needs --backend kernel'],
    [['show', '--backend', 'kernel', 'id', 'one'], 'an id must be a whole number'],
    [['show', '--backend', 'kernel', '--btf', 'x'], '--btf and --backend kernel exclude each other'],
    [['show', PROGRAMS, '--prog', 'accepted'], 'prog has no option --prog'],
    [['load', PROGRAMS, '--json'], 'this verb of prog has no option --json'],
    [['dump', 'xlated', PROGRAMS, '-j'], 'this verb of prog has no option --json'],
    [['dump', 'xlted', PROGRAMS], 'prog dump takes the word xlated'],
  ],
  map: [
    [['dmp', PROGRAMS], "map has no verb 'dmp' (did you mean dump?)"],
    [['dump', PROGRAMS, 'name', 'pars'], 'there is no map pars (did you mean pairs?)'],
    [['dump', PROGRAMS, 'name', 'pairs', 'key', '1'], "'key' was not expected"],
    [['lookup', PROGRAMS, 'name', 'pairs', 'key', '1', 'value', '2'], "'value' was not expected"],
    [['update', PROGRAMS, 'name', 'pairs', 'key', '1'], 'needs the word value'],
    [['lookup', PROGRAMS, 'name', 'pairs', 'key', '1', '2'], 'the key has 4 bytes, and 2 are given'],
    [['show', PROGRAMS, '--back', 'kernel'], 'map has no option --back'],
  ],
  btf: [
    [['dmp', 'file', PROGRAMS], "btf has no verb 'dmp' (did you mean dump?)"],
    [['dump', 'file', PROGRAMS, 'format', 'c', 'more'], 'was not expected'],
    [['dump', 'file', PROGRAMS, 'frmat', 'c'], "'frmat' was not expected"],
    [['dump', 'file', PROGRAMS, 'format', 'x'], 'format is raw or c'],
    [['dump', 'file', PROGRAMS, '--base', 'a', '-B', 'b'], '-B is given twice'],
  ],
  help: [
    [['verify', 'run'], "'run' was not expected"],
    [['verfy'], "there is no command 'verfy' (did you mean verify?)"],
  ],
  version: [[['now'], "'now' was not expected"]],
};

describe.each(Object.entries(TABLE))('%s', (command, rows) => {
  test.each(rows)('%j', (words, says) => {
    const said = skep([command, ...words]);
    expect(said.err).toContain(says);
    expect(said.code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });
});

test('data for a program that takes none', () => {
  const said = skep(['run', PROGRAMS, '--prog', 'probe', '--data-in', json]);
  expect(said.err).toContain('type without packets');
  expect(said.code).toBe(3);
});
