/**
 * The kernel's structs behind a context as user space writes it: the fields of the context tables are put where the converted program
 * looks for them, and read back from there after the run.
 */
import { PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_SOCKET, baseType, typeMayBeNull } from '../rules/reg-types.ts';
import type { CtxField, CtxGrant } from '../rules/rows/ctx/row.ts';
import type { VerifiedProgram } from '../verifier/result.ts';
import { ProgramAbort } from '../../util/errors.ts';
import type { Conversion } from '../verifier/rewrite/ctx-access.ts';
import type { ConvertRow, Place } from '../verifier/rewrite/ctx-row.ts';
import type { HookEnv } from './env.ts';

/** One kernel struct of a context, and the pointer in another that leads to it. */
interface Node {
  size: number;
  addr: number;
  readonly parent: Node | undefined;
  readonly pointerAt: number;
}

/** A field of the context in kernel memory. */
interface Slot {
  readonly name: string;
  readonly field: CtxField;
  readonly node: Node;
  readonly offset: number;
  /** Bytes that the kernel's member holds of the field. */
  readonly size: number;
  /** Bytes of zeros below the value in the field, as of ports in the upper half of a word. */
  readonly below: number;
  /** The member's "none", all ones, reads as -1. */
  readonly onesAreNone: boolean;
}

/** Sockets of any kind are laid out as the largest one. */
const SOCKETS: ReadonlySet<string> = new Set(['sock_common', 'sock']);
const LARGEST_SOCKET = 'tcp_sock';
const POINTED_NUMBERS: Readonly<Record<string, number>> = { sysctl_file_pos: 8 };
/** BPF_SOCK_OPS_TSTAMP_*_CB: called without the socket's lock. */
const SOCK_OPS_UNLOCKED = { first: 16, last: 20 } as const;

/** A context of kernel structs, made for one run. */
export class KernelContext {
  readonly #env: HookEnv;
  readonly #conv: Conversion;
  readonly #nodes = new Map<string, Node>();
  readonly #slots: Slot[] = [];
  readonly #given: Uint8Array;
  readonly #prog: VerifiedProgram;
  #data = 0;

  /** @param given the context of user space, not shorter than its struct, followed by the bytes that its data pointers lead to, where it has some */
  constructor(env: HookEnv, conv: Conversion, prog: VerifiedProgram, given: Uint8Array) {
    this.#env = env;
    this.#conv = conv;
    this.#given = given;
    this.#prog = prog;
    this.#checkTail();
    for (const [field, row] of this.#rows()) this.#place(field, row);
    try {
      this.#allocate();
      for (const slot of this.#slots) this.#put(slot);
      this.#setFlags();
    } catch (e) {
      this.dispose();
      throw e;
    }
  }

  /** Guest address of the context object. */
  get addr(): number {
    return this.#nodes.get('')?.addr ?? 0;
  }

  /** The context as the program left it, and the data behind. */
  left(): Uint8Array {
    const out = this.#given.slice();
    const { u8 } = this.#env.mem;
    for (const { field, node, offset, size, below, onesAreNone } of this.#slots) {
      if (node.addr === 0) continue;
      out.fill(0, field.off, field.off + field.size);
      const at = node.addr + offset;
      const value = u8.subarray(at, at + Math.min(size, field.size - below));
      out.set(value, field.off + below);
      if (onesAreNone && value.every((b) => b === 0xff)) out.fill(0xff, field.off, field.off + field.size);
    }
    if (this.#data !== 0)
      out.set(u8.subarray(this.#data, this.#data + out.length - this.#conv.struct.size), this.#conv.struct.size);
    return out;
  }

  dispose(): void {
    const { heap } = this.#env;
    for (const node of this.#nodes.values()) if (node.addr !== 0) heap.free(node.addr);
    if (this.#data !== 0) heap.free(this.#data);
  }

  /** The fields that the program may use: of those that share memory, such as IPv4 and IPv6 addresses, an attach type has one. */
  *#rows(): Generator<[name: string, row: ConvertRow]> {
    const { progType, expectedAttachType } = this.#prog;
    const use = this.#env.rules.progRow(progType)?.ctx;
    const granted = (grant: true | CtxGrant | undefined): boolean =>
      grant === true ||
      (grant !== undefined && (grant.attach === undefined || grant.attach.includes(expectedAttachType)));
    for (const name of Object.keys(this.#conv.struct.fields)) {
      const row = this.#conv.rows[name];
      if (row !== undefined && (granted(use?.read[name]) || granted(use?.write?.[name]))) yield [name, row];
    }
  }

  /** Whether the bytes behind the struct are its data. */
  #hasData(): boolean {
    const { fields } = this.#conv.struct;
    for (const [name, row] of this.#rows())
      if (baseType(fields[name].reg ?? 0) === PTR_TO_PACKET && row.chain.length === 1) return true;
    return false;
  }

  #checkTail(): void {
    const { name, size } = this.#conv.struct;
    if (this.#hasData() || this.#given.subarray(size).every((b) => b === 0)) return;
    throw new RangeError(`struct ${name} has ${size} bytes, and those behind it must be zero`);
  }

  #structSize(name: string): number {
    const { layouts } = this.#env;
    return SOCKETS.has(name) ? layouts.struct(LARGEST_SOCKET).size : layouts.struct(name).size;
  }

  #node(key: string, size: number, parent: Node | undefined, pointerAt: number): Node {
    let node = this.#nodes.get(key);
    if (node === undefined) this.#nodes.set(key, (node = { size, addr: 0, parent, pointerAt }));
    node.size = Math.max(node.size, size);
    return node;
  }

  /** The node that the pointers before the last place of a chain lead to. */
  #walk(chain: readonly Place[]): Node {
    let key = '';
    let node = this.#node(key, this.#structSize(structOf(chain[0])), undefined, 0);
    for (let i = 0; i + 1 < chain.length; i++) {
      key += `/${chain[i]}`;
      node = this.#node(key, this.#structSize(structOf(chain[i + 1])), node, this.#member(chain[i]).offset);
    }
    return node;
  }

  #member(place: Place): { readonly offset: number; readonly size: number } {
    return this.#env.layouts.struct(structOf(place)).member(place.slice(place.indexOf('.') + 1));
  }

  /** Finds where a field lies; one that cannot be given must be zero. */
  #place(name: string, row: ConvertRow): void {
    const field = this.#conv.struct.fields[name];
    const { chain } = row;
    if (field.reg !== undefined) {
      this.#mustBeZero(name, 'is an address, which the kernel makes itself');
      const kind = baseType(field.reg);
      if (kind === PTR_TO_SOCKET && !typeMayBeNull(field.reg)) this.#walk([...chain, 'sock.sk_mark']);
      return;
    }
    const throughPacket = chain.length > 1 && structOf(chain[1]) !== 'in6_addr' && row.nullable === true;
    if (chain.length === 0) return this.#mustBeZero(name, 'is padding');
    if (throughPacket || row.special === 'sock_ops_shinfo')
      return this.#mustBeZero(name, 'needs a packet, which a run on a context does not have');
    // Pointers that may be null lead somewhere when the field says something.
    if (row.nullable && this.#bytes(field).every((b) => b === 0)) return;
    const pointed = POINTED_NUMBERS[row.special ?? ''];
    if (pointed !== undefined) {
      const parent = this.#walk(chain);
      const node = this.#node(`/${chain[0]}`, pointed, parent, this.#member(chain[0]).offset);
      this.#slots.push({ name, field, node, offset: 0, size: pointed, below: 0, onesAreNone: false });
      return;
    }
    const place = this.#member(chain[chain.length - 1]);
    const shift = row.adjust?.find(([op]) => op === 'lsh32')?.[1] ?? 0;
    this.#slots.push({
      name,
      field,
      node: this.#walk(chain),
      offset: place.offset + (row.plus ?? 0),
      size: row.indexed || row.asAccess ? field.size : (row.size ?? place.size),
      below: shift / 8,
      onesAreNone: row.special === 'rx_queue_mapping',
    });
  }

  #bytes(field: CtxField): Uint8Array {
    return this.#given.subarray(field.off, field.off + field.size);
  }

  #mustBeZero(name: string, why: string): void {
    const field = this.#conv.struct.fields[name];
    if (this.#bytes(field).every((b) => b === 0)) return;
    const { name: struct } = this.#conv.struct;
    throw new ProgramAbort('unsupported', -1, `${struct}.${name} (offset ${field.off}) ${why}: it must be 0`);
  }

  #allocate(): void {
    const { heap, mem } = this.#env;
    for (const node of this.#nodes.values()) {
      node.addr = heap.alloc(node.size, 8);
      if (node.addr === 0) throw new RangeError(`no memory for a context of ${node.size} bytes`);
      mem.u8.fill(0, node.addr, node.addr + node.size);
      if (node.parent !== undefined) mem.view.setUint32(node.parent.addr + node.pointerAt, node.addr, true);
    }
    if (!this.#hasData()) return;
    const { fields, size } = this.#conv.struct;
    const length = this.#given.length - size;
    this.#data = heap.alloc(Math.max(8, length), 8);
    if (this.#data === 0) throw new RangeError(`no memory for ${length} bytes of data`);
    mem.u8.set(this.#given.subarray(size), this.#data);
    for (const [name, row] of this.#rows()) {
      const kind = baseType(fields[name].reg ?? 0);
      const value = kind === PTR_TO_PACKET ? this.#data : kind === PTR_TO_PACKET_END ? this.#data + length : 0;
      if (value !== 0) mem.view.setUint32(this.addr + this.#member(row.chain[0]).offset, value, true);
    }
  }

  #put({ name, field, node, offset, size, below, onesAreNone }: Slot): void {
    const { u8 } = this.#env.mem;
    const bytes = this.#bytes(field);
    const none = onesAreNone && bytes.every((b) => b === 0xff);
    const rest = [...bytes.subarray(0, below), ...bytes.subarray(below + size)];
    if (!none && rest.some((b) => b !== 0)) {
      const bits = below === 0 ? `${size * 8} bits` : `${size * 8} bits above its lower ${below * 8}`;
      throw new RangeError(`${this.#conv.struct.name}.${name} (offset ${field.off}) holds ${bits}`);
    }
    u8.set(bytes.subarray(below, below + size), node.addr + offset);
  }

  /** A full socket of sock_ops is locked, but for calls that only tell times. */
  #setFlags(): void {
    if (this.#conv.struct.name !== 'bpf_sock_ops') return;
    const { layouts, mem } = this.#env;
    const kern = layouts.struct('bpf_sock_ops_kern');
    const op = mem.u8[this.addr + kern.offset('op')];
    const full = mem.u8[this.addr + kern.offset('is_fullsock')] !== 0;
    const locked = full && !(op >= SOCK_OPS_UNLOCKED.first && op <= SOCK_OPS_UNLOCKED.last);
    mem.u8[this.addr + kern.offset('is_locked_tcp_sock')] = locked ? 1 : 0;
  }
}

const structOf = (place: Place): string => place.slice(0, place.indexOf('.'));
