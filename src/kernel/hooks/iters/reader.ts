/** Reading an iterator (bpf_seq_read): the program is called for each item, and what it writes is what is read. */
import { ERRNO } from '../../../uapi/errno.ts';
import type { Restore } from '../../mem/saved.ts';
import type { LoadedProg } from '../../object/prog.ts';
import type { StructInput, StructView } from '../../world/struct-view.ts';
import type { AttachEnv } from '../env.ts';
import type { Iterated, IterItem, Pass } from './pass.ts';

/** Bytes that the program may write in one call, as in the kernel: eight pages. */
const BUFFER = 8 * 4096;
const NO_COOKIE = { cookie: [0, 0] } as const;

/** What one reader reads with: structs that the program sees, and the buffer. */
interface Parts {
  readonly seq: StructView;
  readonly meta: StructView;
  readonly ctx: StructView;
  readonly buffer: number;
  readonly pass: Pass;
}

export class IterReader {
  readonly #env: AttachEnv;
  readonly #prog: LoadedProg;
  readonly #of: { readonly target: string; readonly iterated: Iterated; readonly session: bigint };
  #parts: Parts | undefined;
  #shown = 0;
  #done = false;
  /** Bytes of the buffer that were read already. */
  #from = 0;

  /** Holds the program and what is iterated until {@link end}. */
  constructor(
    env: AttachEnv,
    prog: LoadedProg,
    of: { readonly target: string; readonly iterated: Iterated; readonly session: bigint },
  ) {
    this.#env = env;
    this.#prog = env.objects.get(prog);
    this.#of = of;
    of.iterated.get?.();
  }

  /** The next bytes, at most `size`; none at the end. -EAGAIN when the program wants the first item again, -E2BIG when it writes too much. */
  read(size: number): Uint8Array | number {
    if (size <= 0) return new Uint8Array(0);
    const parts = (this.#parts ??= this.#make());
    if (this.#count(parts) === 0 && !this.#done) {
      const errno = this.#fill(parts, size);
      if (errno < 0) return errno;
    }
    const from = parts.buffer + this.#from;
    const count = Math.min(size, this.#count(parts) - this.#from);
    this.#from += count;
    const bytes = this.#env.mem.u8.slice(from, from + count);
    if (this.#from === this.#count(parts)) this.#setCount(parts, (this.#from = 0));
    return bytes;
  }

  /** Calls the program for item after item until there is enough; an item that does not fit any more waits for the next read. */
  #fill(parts: Parts, size: number): number {
    const { pass } = parts;
    for (let before = 0, item = pass.item(); item !== undefined; before = this.#count(parts)) {
      const errno = this.#show(parts, item, this.#shown);
      if (errno < 0) {
        this.#setCount(parts, before);
        return before === 0 ? errno : 0;
      }
      this.#shown++;
      pass.step();
      item = pass.item();
      if (item !== undefined && this.#count(parts) >= size) return 0;
    }
    return this.#stop(parts);
  }

  /** The call after the last item. */
  #stop(parts: Parts): number {
    const before = this.#count(parts);
    const nothing = Object.fromEntries(this.#of.iterated.args.map((name) => [name, 0]));
    const errno = this.#show(parts, nothing, Math.max(0, this.#shown - 1));
    if (errno === -ERRNO.E2BIG) {
      this.#setCount(parts, before);
      return before === 0 ? errno : 0;
    }
    this.#done = true;
    return 0;
  }

  #show(parts: Parts, item: IterItem, number: number): number {
    const { seq, meta, ctx } = parts;
    const { session } = this.#of;
    meta.set({ seq, session_id: session, seq_num: number });
    ctx.set({ meta, ...(item as { readonly [name: string]: StructInput }) });
    const said = this.#env.run(this.#prog, ctx.addr, { ...NO_COOKIE });
    if (said !== 0) return -ERRNO.EAGAIN;
    return this.#count(parts) === BUFFER ? -ERRNO.E2BIG : 0;
  }

  #make(): Parts {
    const { trace, heap } = this.#env;
    const { structs } = trace;
    const buffer = heap.alloc(BUFFER, 8);
    if (buffer === 0) throw new RangeError(`no memory for ${BUFFER} bytes of an iterator`);
    const seq = structs.make('seq_file', { buf: buffer, size: BUFFER });
    const meta = structs.make('bpf_iter_meta');
    const ctx = structs.make(`bpf_iter__${this.#of.target}`);
    return { seq, meta, ctx, buffer, pass: this.#of.iterated.pass() };
  }

  #count({ seq }: Parts): number {
    return Number(seq.get('count'));
  }

  #setCount({ seq }: Parts, count: number): void {
    seq.set({ count });
  }

  /** It is closed. */
  end(): void {
    const { objects, heap } = this.#env;
    const parts = this.#parts;
    if (parts !== undefined) {
      parts.pass[Symbol.dispose]();
      for (const view of [parts.seq, parts.meta, parts.ctx]) view[Symbol.dispose]();
      heap.free(parts.buffer);
    }
    this.#of.iterated.put?.();
    objects.put(this.#prog);
  }

  save(): Restore {
    const [parts, shown, done, from] = [this.#parts, this.#shown, this.#done, this.#from];
    const pass = parts?.pass.save();
    return () => {
      this.#parts = parts;
      this.#shown = shown;
      this.#done = done;
      this.#from = from;
      pass?.();
    };
  }
}
