/** Constants, layouts and names of the BPF ABI (include/uapi/linux/bpf.h of Linux 6.18). Published as `skep/uapi`. */
export * from './attach-types.ts';
export * from './cmd.ts';
export * from './errno.ts';
export * from './flags.ts';
export * from './helper-ids.ts';
export * from './info-layout.ts';
export * from './link-types.ts';
export * from './map-types.ts';
export * from './obj-info.ts';
export * from './prog-types.ts';
