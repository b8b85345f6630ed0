/** Files named on the command line, read whole; what goes wrong names the file. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { FormatError } from '../../util/errors.ts';
import { InputError } from './exit.ts';

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a directory, and a file was expected',
  ENOTDIR: 'a part of the path is no directory',
  ENOSPC: 'the disk is full',
};

function fileError(path: string, e: unknown, doing: string): InputError {
  const code = (e as NodeJS.ErrnoException).code ?? '';
  return new InputError(path, WHY[code] ?? `${doing} failed${code ? ` (${code})` : ''}`, { cause: e });
}

/** Bytes of a file; `-` is stdin. */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    if (path === '-') return await readStdin();
    // At once: see host/kernel-btf.ts.
    const file = readFileSync(path);
    return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  } catch (e) {
    throw fileError(path, e, 'reading');
  }
}

export async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return new Uint8Array(Buffer.concat(chunks));
}

export async function writeOutput(path: string, bytes: Uint8Array | string): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (e) {
    throw fileError(path, e, 'writing');
  }
}

/** Runs a parser over a file's bytes; its FormatError gets the file's name. */
export function inFile<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (e) {
    if (e instanceof FormatError) throw new InputError(path, e.message, { cause: e });
    throw e;
  }
}
