/** Calls on files, for callers who may give anything. */
import type { FileCalls } from '../../uapi/files.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { FdTable } from '../object/fd-table.ts';
import { newDirectoryObject } from '../object/handle.ts';
import type { Files } from '../world/fs/files.ts';

/**
 * The calls of a process whose descriptors are `fds`.
 * @param as does a call as the process
 */
export function fileCalls(files: Files, fds: FdTable, as: <T>(call: () => T) => T | number): FileCalls {
  const withPaths = <T>(paths: readonly unknown[], call: () => T): T | number => checked(paths, () => as(call));
  return {
    mkdir: (path, mode) => withPaths([path], () => files.mkdir(path, mode === undefined ? mode : bits(mode))),
    rmdir: (path) => withPaths([path], () => files.rmdir(path)),
    unlink: (path) => withPaths([path], () => files.unlink(path)),
    rename: (from, to) => withPaths([from, to], () => files.rename(from, to)),
    symlink: (target, path) => withPaths([target, path], () => files.symlink(target, path)),
    link: (from, to) => withPaths([from, to], () => files.link(from, to)),
    chmod: (path, mode) => withPaths([path], () => files.chmod(path, bits(mode))),
    readdir: (path) => withPaths([path], () => files.readdir(path)),
    stat: (path) => withPaths([path], () => files.stat(path)),
    openDirectory: (path) => withPaths([path], () => open(files, fds, path)),
  };
}

function open(files: Files, fds: FdTable, path: string): number {
  const directory = files.openDirectory(path);
  return typeof directory === 'number' ? directory : fds.install(newDirectoryObject(directory));
}

/** Paths of the caller's: -EFAULT for what is no text, or holds a NUL. */
function checked<T>(paths: readonly unknown[], call: () => T): T | number {
  return paths.every((path) => typeof path === 'string' && !path.includes('\0')) ? call() : -ERRNO.EFAULT;
}

const bits = (mode: unknown): number => (typeof mode === 'number' ? mode & 0o7777 : 0);
