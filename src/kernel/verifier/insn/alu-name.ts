/** Arithmetic operations as messages write them. */

const ALU_STRINGS = ['+=', '-=', '*=', '/=', '|=', '&=', '<<=', '>>=', 'neg', '%=', '^=', '=', 's>>=', 'endian'];
/** bpf_alu_string[]. */
export const aluString = (op: number): string => ALU_STRINGS[op >> 4];
