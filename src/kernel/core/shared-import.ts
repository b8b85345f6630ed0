/** The core's binary for a shared memory: it differs from the other in what its import of the memory says. */
import { InternalError } from '../../util/errors.ts';
import { memoryLimits } from '../mem/memory.ts';

const SECTION_IMPORT = 2;
const KIND_FUNCTION = 0;
const KIND_MEMORY = 2;

/** A copy of a module whose memory is declared as shared. Expects imports of functions and of one memory without a maximum. */
export function withSharedMemory(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  const section = findSection(wasm, SECTION_IMPORT);
  const limits = findMemory(wasm, section);
  const [, minEnd] = uleb(wasm, limits + 1);
  const body = [
    ...wasm.subarray(section.start, limits),
    ...memoryLimits({ shared: true }),
    ...wasm.subarray(minEnd, section.end),
  ];
  return Uint8Array.from([
    ...wasm.subarray(0, section.at + 1),
    ...encoded(body.length),
    ...body,
    ...wasm.subarray(section.end),
  ]);
}

interface Section {
  /** Where its id stands; its contents lie between `start` and `end`. */
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

function findSection(wasm: Uint8Array, id: number): Section {
  for (let at = 8; at < wasm.length; ) {
    const [size, start] = uleb(wasm, at + 1);
    if (wasm[at] === id) return { at, start, end: start + size };
    at = start + size;
  }
  throw new InternalError(`the core has no section ${id}`);
}

/** Where the limits of the imported memory stand. */
function findMemory(wasm: Uint8Array, { start, end }: Section): number {
  let [, at] = uleb(wasm, start);
  while (at < end) {
    for (let name = 0; name < 2; name++) {
      const [length, text] = uleb(wasm, at);
      at = text + length;
    }
    const kind = wasm[at];
    if (kind === KIND_MEMORY && wasm[at + 1] === 0) return at + 1;
    if (kind !== KIND_FUNCTION) break;
    [, at] = uleb(wasm, at + 1);
  }
  throw new InternalError('the core imports no memory that can be declared as shared');
}

/** An unsigned LEB128 number and where it ends. */
function uleb(wasm: Uint8Array, from: number): [value: number, end: number] {
  let value = 0;
  let at = from;
  for (let shift = 0; ; shift += 7) {
    const byte = wasm[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at];
  }
}

function encoded(value: number): number[] {
  const out: number[] = [];
  for (let v = value; ; v >>>= 7) {
    if (v < 0x80) return [...out, v];
    out.push((v & 0x7f) | 0x80);
  }
}
