/** Instantiates the WebAssembly core over a kernel memory. */
import type { KernelMemory } from '../mem/memory.ts';
import { CORE_WASM_BASE64 } from './core.wasm.ts';
import { withSharedMemory } from './shared-import.ts';

type I32x1 = (a: number) => number;
type I32x2 = (a: number, b: number) => number;
type I32x3 = (a: number, b: number, c: number) => number;
type I32x4 = (a: number, b: number, c: number, d: number) => number;

/** The exports that TypeScript itself calls; engines import any export by name. */
export interface CoreExports {
  readonly [name: string]: (...args: never[]) => unknown;
  set_cpu(cpu: number): void;
  /** Guest address of a word with the address space of the task that runs. */
  set_user_space(at: number): void;
  mem_copy(dst: number, src: number, n: number): void;
  mem_fill(dst: number, byte: number, n: number): void;
  readonly map_lookup_elem: I32x2;
  readonly map_update_elem: I32x4;
  readonly map_delete_elem: I32x2;
  readonly map_push_elem: I32x3;
  readonly map_pop_elem: I32x2;
  readonly map_peek_elem: I32x2;
  readonly hash_update: I32x4;
  readonly hash_delete: I32x2;
  /** Value address of CPU 0 without touching the LRU, or 0. */
  readonly hash_peek: I32x2;
  /** Value address of CPU 0 of a found or new element, or -errno. */
  readonly hash_slot: I32x3;
  readonly hash_next: I32x2;
  readonly hash_next_key: I32x3;
  readonly hash_bucket: I32x2;
  readonly lpm_exact: I32x2;
  readonly lpm_lookup: I32x2;
  readonly lpm_update: I32x4;
  readonly lpm_delete: I32x2;
  readonly lpm_next_key: I32x3;
  readonly array_update: I32x4;
  readonly csum_partial: I32x3;
  readonly csum_fold: I32x1;
  readonly csum_diff: (from: number, fromSize: number, to: number, toSize: number, seed: number) => number;
  readonly jhash: I32x3;
  readonly ringbuf_reserve: I32x3;
  ringbuf_submit(sample: number, flags: number): void;
  ringbuf_discard(sample: number, flags: number): void;
  readonly ringbuf_output: I32x4;
}

/** @param grow gives element memory to maps without preallocation: map address and bytes to an address, or 0 */
export function instantiateCore(mem: KernelMemory, grow: (map: number, bytes: number) => number): CoreExports {
  const plain = decodeBase64(CORE_WASM_BASE64);
  const module = new WebAssembly.Module(mem.shared ? withSharedMemory(plain) : plain);
  const instance = new WebAssembly.Instance(module, { env: { memory: mem.memory, grow } });
  return instance.exports as unknown as CoreExports;
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replace(/\n/g, ''));
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
