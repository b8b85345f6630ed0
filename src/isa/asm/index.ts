/** Programs as text and as bytes: assembler, encoder, decoder and both disassembly dialects. Published as `skep/asm`. */
export { decodeInsns } from '../decode.ts';
export { disasmKernel, type DisasmOptions } from '../disasm.ts';
export { disasmObjdump, type ObjdumpOptions } from '../disasm-objdump.ts';
export { encodeInsns } from '../encode.ts';
export { type Insn, Insns } from '../insn.ts';
export { type AsmMapRef, assemble, type AssembleOptions, assembleProgram, type Assembly } from './assemble.ts';
