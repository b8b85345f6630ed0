/**
 * Command: plays the scenarios on this machine's kernel, to which their programs are attached, and writes what was told as JSON.
 * For virtual machines: `node main.js FOLDER_OF_FIXTURES [FILE]`, without FILE to stdout.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openKernelTransport } from '../../../src/host/kernel-transport.ts';
import { playAll } from './play.ts';

const [, , folder, file] = process.argv;
if (folder === undefined) throw new Error('usage: main.js FOLDER_OF_FIXTURES [FILE]');
const sys = await openKernelTransport();
const object = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, `${name}.o`)));
writeFileSync(file ?? process.stdout.fd, `${JSON.stringify(playAll({ sys, object }), null, 1)}\n`);
sys[Symbol.dispose]();
