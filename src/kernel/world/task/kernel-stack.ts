/** The kernel stack of a task: at its upper end lie the registers that it entered the kernel with (struct pt_regs). */
import type { Structs, StructView } from '../struct-view.ts';
import { StructError } from '../struct-types.ts';

/** THREAD_SIZE of x86_64. */
export const KERNEL_STACK = 16384;

export class KernelStack implements Disposable {
  /** Guest address, as task_struct.stack has it. */
  readonly base: number;
  readonly #structs: Structs;

  /** Throws StructError when there is no room, MissingTypes without types of the kernel. */
  constructor(structs: Structs) {
    this.#structs = structs;
    const { mem, heap } = structs.env;
    this.base = heap.alloc(KERNEL_STACK, 64);
    if (this.base === 0) throw new StructError('no-memory', 'kernel stack', `no memory for ${KERNEL_STACK} bytes`);
    mem.u8.fill(0, this.base, this.base + KERNEL_STACK);
  }

  /** Registers of the last entry. */
  get registers(): StructView {
    const size = this.#structs.types('pt_regs').btf.sizeOf(this.#structs.typeId('pt_regs'));
    return this.#structs.at('pt_regs', this.base + KERNEL_STACK - size);
  }

  [Symbol.dispose](): void {
    const { heap, rcu } = this.#structs.env;
    rcu.call(() => heap.free(this.base));
  }
}
