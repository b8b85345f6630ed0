/**
 * Command: plays the scenarios on this machine's kernel, to which their programs are attached, and writes what was told as JSON.
 * For virtual machines: `node main.js FOLDER_OF_FIXTURES [FILE | processes [PART]]`, without FILE to stdout.
 * `processes` plays those about processes, whose script actor.py lies in that folder too;
 * with PART those alone whose names contain it.
 */
import { readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openKernelTransport } from '../../../src/host/kernel-transport.ts';
import { type ActorSpec, RealActor } from './actor.ts';
import { playAll } from './play.ts';
import { LISTS, SCENARIOS } from './lists.ts';

const [, , folder, word, part = ''] = process.argv;
const list = LISTS[word ?? 'scenarios']?.filter(({ name }) => name.includes(part));
const file = list === undefined ? word : undefined;
if (folder === undefined) throw new Error('usage: main.js FOLDER_OF_FIXTURES [FILE]');
const sys = Object.assign(await openKernelTransport(), {
  read(fd: number, size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, readSync(fd, bytes));
  },
});
const object = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, `${name}.o`)));
const actor = (spec: ActorSpec): RealActor => new RealActor(join(folder, 'actor.py'), spec);
writeFileSync(
  file ?? process.stdout.fd,
  `${JSON.stringify(playAll({ sys, object, actor }, list ?? SCENARIOS), null, 1)}\n`,
);
sys[Symbol.dispose]();
