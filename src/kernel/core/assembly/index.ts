/** The hot core: everything exported here is an import name for the engines (maps/core-ops.ts, helpers/table.ts). */
export { set_cpu, get_smp_processor_id, mem_copy, mem_fill, mem_cmp } from './common';
export * from './array';
export * from './hash';
export * from './lpm';
export * from './queue';
export * from './bloom';
export * from './ringbuf';
export { csum_partial, csum_from32to16, csum_fold, csum_add, csum_diff } from './csum';
export { jhash } from './jhash';
export * from './dispatch';
export * from './packet';
export * from './string';
export { strtol, strtoul } from './number';
export { format, snprintf } from './format';
export { probe_read, probe_read_kernel, probe_read_kernel_str, probe_read_str, probe_read_user, probe_read_user_str } from './probe';
export { read_user, read_user_text, set_user_space, write_user } from './user';
