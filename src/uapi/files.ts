/** Calls on files beside bpf(2): what BPF file systems need of a kernel. Each gives 0 or -errno, unless it says what else it gives. */

/** Bytes of a path with its NUL, at most. */
export const PATH_MAX = 4096;

/** struct stat, as far as it tells of a file. */
export interface FileStat {
  /** Type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly ino: number;
}

/** The files of a kernel. */
export interface FileCalls {
  /** @param mode permissions; the process's umask is taken from them. Default: 0o777 */
  mkdir(path: string, mode?: number): number;
  rmdir(path: string): number;
  unlink(path: string): number;
  rename(from: string, to: string): number;
  symlink(target: string, path: string): number;
  link(from: string, to: string): number;
  chmod(path: string, mode: number): number;
  /** Names in a directory, in no order. */
  readdir(path: string): readonly string[] | number;
  stat(path: string): FileStat | number;
  /** Opens a directory for `path_fd` of BPF_OBJ_PIN and BPF_OBJ_GET (O_PATH | O_DIRECTORY): a descriptor. */
  openDirectory(path: string): number;
}
