/**
 * Files that a command writes: written beside under another name, and put in their place when they are complete. Whatever stops the
 * command, there is the file that was there before or the whole new one.
 */
import {
  chmodSync,
  closeSync,
  constants,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileError } from './files.ts';

/** A file that is being written; disposing of it without {@link commit} leaves no trace. */
export interface OutputFile extends Disposable {
  write(bytes: Uint8Array): void;
  commit(): void;
}

/** Signals that end a process by default, and the exit codes that shells give them. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const ANY_MODE = 0o666;
const PERMISSIONS = 0o7777;

/** Begins to write a file. What is no file (a device, a pipe) is written to as it is. */
export function openOutput(path: string): OutputFile {
  const old = existing(path);
  if (old?.isDirectory()) throw fileError(path, Object.assign(new Error('EISDIR'), { code: 'EISDIR' }), 'writing');
  if (old !== undefined && !old.isFile()) return direct(path);
  return guarded(path, () => {
    // A link stays one: what it leads to is replaced.
    const target = old === undefined ? path : realpathSync(path);
    if (old !== undefined) closeSync(openSync(target, 'r+'));
    return beside(path, target, old);
  });
}

function existing(path: string): Stats | undefined {
  return guarded(path, () => statSync(path, { throwIfNoEntry: false }));
}

function guarded<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (e) {
    throw fileError(path, e, 'writing');
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

function direct(path: string): OutputFile {
  const fd = guarded(path, () => openSync(path, 'w'));
  return {
    write: (bytes) => guarded(path, () => writeAll(fd, bytes)),
    commit() {},
    [Symbol.dispose]: () => closeSync(fd),
  };
}

function beside(path: string, target: string, old: Stats | undefined): OutputFile {
  const name = join(dirname(target), `.${basename(target)}.${process.pid}.part`);
  let fd = -1;
  let pending = true;
  const close = (): void => {
    if (fd >= 0) closeSync(fd);
    fd = -1;
  };
  const unheard = (): void => {
    for (const signal of SIGNALS) process.removeListener(signal, stop);
  };
  const remove = (): void => {
    if (!pending) return;
    pending = false;
    close();
    rmSync(name, { force: true });
    unheard();
  };
  const stop = (signal: NodeJS.Signals): void => {
    remove();
    process.kill(process.pid, signal);
  };
  // Before the file is there: no moment in which a signal would leave it.
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    // One of a killed process that had the same number.
    rmSync(name, { force: true });
    fd = openSync(name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, ANY_MODE);
    if (old !== undefined) chmodSync(name, old.mode & PERMISSIONS);
  } catch (e) {
    remove();
    throw e;
  }
  return {
    write: (bytes) => guarded(path, () => writeAll(fd, bytes)),
    commit: () =>
      guarded(path, () => {
        close();
        renameSync(name, target);
        pending = false;
        unheard();
      }),
    [Symbol.dispose]: remove,
  };
}
