/** Files behind bpf(2): shared pages of maps (mmap(2)). */
import type { MappedPages } from '../uapi/embedded.ts';
import type { Koffi } from './native-space.ts';

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** mmap(2) and munmap(2) of this process. */
export interface MemoryCalls {
  readonly koffi: Koffi;
  map(length: number, protection: number, fd: number, offset: number): unknown;
  unmap(pointer: unknown, length: number): void;
}

/** A mapping. */
export interface FileRange {
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
  readonly writable: boolean;
}

/** Declares the calls, each when it is made first: a door that is never mapped through needs bpf(2) and close(2) alone. */
export function memoryCalls(koffi: Koffi, libc: ReturnType<Koffi['load']>): MemoryCalls {
  let mmap: ReturnType<typeof libc.func> | undefined;
  let munmap: ReturnType<typeof libc.func> | undefined;
  return {
    koffi,
    map(length, protection, fd, offset) {
      mmap ??= libc.func('void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)');
      return mmap(null, length, protection, MAP_SHARED, fd, offset);
    },
    unmap(pointer, length) {
      munmap ??= libc.func('int munmap(void *at, size_t length)');
      munmap(pointer, length);
    },
  };
}

/** Shares pages of a map. Their bytes must not be touched after disposal: the memory is gone then. */
export function mapPages({ koffi, map, unmap }: MemoryCalls, range: FileRange): MappedPages | number {
  const { fd, offset, length, writable } = range;
  const pointer = map(length, writable ? PROT_READ | PROT_WRITE : PROT_READ, fd, offset);
  if (BigInt.asUintN(64, koffi.address(pointer)) === MAP_FAILED) return -koffi.errno();
  let held = true;
  return {
    bytes: new Uint8Array(koffi.view(pointer, length)),
    [Symbol.dispose]() {
      if (held) unmap(pointer, length);
      held = false;
    },
  };
}
