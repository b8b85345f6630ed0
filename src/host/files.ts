/** Calls on files of the machine, as the door's FileCalls have them. */
import * as fs from 'node:fs';
import { constants } from 'node:os';
import { ERRNO } from '../uapi/errno.ts';
import type { FileCalls } from '../uapi/files.ts';

/** 0 or what the call gives; -errno when it fails. */
function call<T>(run: () => T): T | number {
  try {
    return run();
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code ?? '';
    // Node itself refuses paths that the kernel could not read.
    if (code === 'ERR_INVALID_ARG_VALUE' || code === 'ERR_INVALID_ARG_TYPE') return -ERRNO.EFAULT;
    return -((constants.errno as Readonly<Record<string, number>>)[code] ?? ERRNO.EIO);
  }
}

const done = (run: () => void): number => call(() => (run(), 0));

/** The machine's files. */
export const hostFiles: FileCalls = {
  mkdir: (path, mode = 0o777) => done(() => fs.mkdirSync(path, { mode })),
  rmdir: (path) => done(() => fs.rmdirSync(path)),
  unlink: (path) => done(() => fs.unlinkSync(path)),
  rename: (from, to) => done(() => fs.renameSync(from, to)),
  symlink: (target, path) => done(() => fs.symlinkSync(target, path)),
  link: (from, to) => done(() => fs.linkSync(from, to)),
  chmod: (path, mode) => done(() => fs.chmodSync(path, mode)),
  readdir: (path) => call(() => fs.readdirSync(path)),
  stat: (path) =>
    call(() => {
      const { mode, uid, gid, nlink, ino } = fs.statSync(path);
      return { mode, uid, gid, nlink, ino };
    }),
  openDirectory: (path) => call(() => fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)),
};
