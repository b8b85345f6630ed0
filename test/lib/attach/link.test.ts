/** Links: what each call asks of the kernel, by a door that notes it, and what the embedded kernel refuses by name. */
import { expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { type Link, openRawTracepoint } from '../../../src/lib/attach/link.ts';
import type { BpfAttrs, BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD as C, bpfCmdName } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { encodeInfo } from '../../../src/uapi/info-layout.ts';
import { BPF_LINK_TYPE } from '../../../src/uapi/link-types.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';

const asked: [string, object][] = [];
const door: BpfSyscall = {
  kernel: { possibleCpus: 1, pageSize: 4096, types: undefined },
  bpf<K extends keyof BpfAttrs>(cmd: K, attr: BpfAttrs[K]): number {
    asked.push([bpfCmdName(cmd), attr]);
    if (cmd === C.BPF_OBJ_GET_INFO_BY_FD)
      (attr as BpfAttrs[typeof C.BPF_OBJ_GET_INFO_BY_FD]).info.info.set(
        encodeInfo('link', { type: BPF_LINK_TYPE.BPF_LINK_TYPE_RAW_TRACEPOINT, id: 5, prog_id: 6 }),
      );
    return cmd === C.BPF_RAW_TRACEPOINT_OPEN ? 7 : cmd === C.BPF_LINK_DETACH ? -ERRNO.EOPNOTSUPP : 0;
  },
  close(fd) {
    asked.push(['close', { fd }]);
    return 0;
  },
  files: {
    ...createRuntime({ memory: 64 << 20 }).files!,
    unlink(path) {
      asked.push(['unlink', { path }]);
      return 0;
    },
  },
};

test('a link asks the kernel for each of its calls', () => {
  const link: Link = openRawTracepoint(door, 3, 'sys_enter', 9n);
  link.unpin();
  link.update({ fd: 4 });
  link.update({ fd: 4 }, { fd: 3 });
  link.pin('/sys/fs/bpf/x');
  link.unpin();
  expect(() => link.detach()).toThrow(/detach link: EOPNOTSUPP/);
  expect(link.info()).toEqual({ id: 5, type: 1, progId: 6 });
  link.close();
  link.close();
  expect(asked.filter(([cmd]) => cmd !== 'BPF_OBJ_GET_INFO_BY_FD')).toEqual([
    ['BPF_RAW_TRACEPOINT_OPEN', { raw_tracepoint: { name: 'sys_enter', prog_fd: 3, cookie: 9n } }],
    ['BPF_LINK_UPDATE', { link_update: { link_fd: 7, new_prog_fd: 4 } }],
    ['BPF_LINK_UPDATE', { link_update: { link_fd: 7, new_prog_fd: 4, flags: 4, old_prog_fd: 3 } }],
    ['BPF_OBJ_PIN', { pathname: '/sys/fs/bpf/x', bpf_fd: 7 }],
    ['unlink', { path: '/sys/fs/bpf/x' }],
    ['BPF_LINK_DETACH', { link_detach: { link_fd: 7 } }],
    ['close', { fd: 7 }],
  ]);
});

test('the embedded kernel says what it lacks, after what is wrong', () => {
  using runtime = createRuntime({ memory: 64 << 20 });
  const insns = encodeInsns(assemble('r0 = 0\nexit'));
  const type = BPF_PROG_TYPE.BPF_PROG_TYPE_RAW_TRACEPOINT;
  const prog = runtime.bpf(C.BPF_PROG_LOAD, { prog_type: type, insns, license: 'GPL' });
  expect(() => openRawTracepoint(runtime, prog, 'sys_enter')).toThrow(
    /EOPNOTSUPP: no kernel BTF to find functions and tracepoints in/,
  );
  expect(() => openRawTracepoint(runtime, 99, 'sys_enter')).toThrow(/EBADF/);
  const pin = { pathname: '/sys/fs/bpf/x', bpf_fd: prog, unsupported: '' };
  using verifying = createRuntime({ memory: 16 << 20, verifyOnly: true });
  const map = { map_type: 1, key_size: 4, value_size: 4, max_entries: 1 };
  pin.bpf_fd = verifying.bpf(C.BPF_MAP_CREATE, map);
  expect(verifying.bpf(C.BPF_OBJ_PIN, pin)).toBe(-ERRNO.EOPNOTSUPP);
  expect(pin.unsupported).toContain('has no file systems');
  expect(runtime.bpf(C.BPF_LINK_DETACH, { link_detach: { link_fd: 99 } })).toBe(-ERRNO.EBADF);
  expect(runtime.bpf(C.BPF_LINK_UPDATE, { link_update: { link_fd: prog, new_prog_fd: prog } })).toBe(-ERRNO.EINVAL);
});
