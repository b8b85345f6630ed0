/** Files named on the command line, read whole or piece by piece; what goes wrong names the file. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import type { ByteSource } from '../../net/byte-window.ts';
import { FormatError } from '../../util/errors.ts';
import { InputError } from './exit.ts';

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a directory, and a file was expected',
  ENOTDIR: 'a part of the path is no directory',
  ENOSPC: 'the disk is full',
  EFBIG: 'files may not become so large',
  EROFS: 'the file system may only be read',
};

const WHY_NOT_WRITTEN: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  EACCES: 'it may not be written',
};

export function fileError(path: string, e: unknown, doing: 'reading' | 'writing'): InputError {
  const code = (e as NodeJS.ErrnoException).code ?? '';
  const why = (doing === 'writing' ? WHY_NOT_WRITTEN[code] : undefined) ?? WHY[code];
  return new InputError(path, why ?? `${doing} failed${code ? ` (${code})` : ''}`, { cause: e });
}

/** Bytes of a file; `-` is stdin. */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    if (path === '-') return await readStdin();
    if (!statSync(path).isFile()) return readEndless(path);
    // At once: see host/kernel-btf.ts.
    const file = readFileSync(path);
    return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  } catch (e) {
    if (e instanceof InputError) throw e;
    throw fileError(path, e, 'reading');
  }
}

/** Most bytes of what is no file: a device may have no end. */
const MOST_OF_NO_FILE = 1 << 28;

/** Bytes of a pipe or a device. */
function readEndless(path: string): Uint8Array {
  using input = streamInput(path);
  const source = input.open();
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const chunk = new Uint8Array(1 << 20);
    const count = source.read(chunk);
    if (count === 0) return joined(chunks, total);
    total = within(path, total + count);
    chunks.push(chunk.subarray(0, count));
  }
}

export async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of process.stdin) {
    total = within('stdin', total + (chunk as Uint8Array).length);
    chunks.push(chunk as Uint8Array);
  }
  return joined(chunks, total);
}

function within(source: string, total: number): number {
  if (total <= MOST_OF_NO_FILE) return total;
  throw new InputError(source, `it gives more than ${MOST_OF_NO_FILE >> 20} MiB and is no file`);
}

function joined(chunks: readonly Uint8Array[], total: number): Uint8Array {
  const all = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** A file that is read piece by piece, possibly again and again. */
export interface InputStream extends Disposable {
  /** From its beginning; what is no file (a pipe, `-` for stdin) can be read once. */
  open(): ByteSource;
  /** Bytes that it has, 0 when nobody knows. */
  readonly size: number;
  /** Bytes that were read since it was last opened. */
  readonly done: number;
}

const STDIN = 0;
/** Between two looks at a stdin that has nothing yet and does not wait by itself. */
const LOOK_AGAIN_MS = 5;

export function streamInput(path: string): InputStream {
  let fd: number;
  let size = 0;
  try {
    fd = path === '-' ? STDIN : openSync(path, 'r');
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' });
    if (stat.isFile()) ({ size } = stat);
  } catch (e) {
    throw fileError(path, e, 'reading');
  }
  let at = 0;
  let opened = false;
  const seekable = size > 0 && fd !== STDIN;
  const read = (into: Uint8Array): number => {
    try {
      const count = readWaiting(fd, into, seekable ? at : null);
      at += count;
      return count;
    } catch (e) {
      throw fileError(path, e, 'reading');
    }
  };
  return {
    size,
    get done() {
      return at;
    },
    open() {
      if (opened && !seekable) throw new InputError(path, 'it is no file that can be read twice');
      opened = true;
      at = 0;
      return { read };
    },
    [Symbol.dispose]() {
      if (fd !== STDIN) closeSync(fd);
    },
  };
}

function readWaiting(fd: number, into: Uint8Array, position: number | null): number {
  for (;;) {
    try {
      return readSync(fd, into, 0, into.length, position);
    } catch (e) {
      const { code } = e as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw e;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN_MS);
    }
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
