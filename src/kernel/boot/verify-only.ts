/** An embedded kernel that only verifies, for callers who never run anything: nothing that runs programs is loaded or made for it. */
import type { BpfAttrs, BpfSyscall } from '../../uapi/attr/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { lazy } from '../../util/lazy.ts';
import { createMapEnv } from '../maps/make/env.ts';
import { Allocator } from '../mem/allocator.ts';
import { layoutMemory } from '../mem/layout.ts';
import { KernelMemory } from '../mem/memory.ts';
import { Rcu } from '../mem/rcu.ts';
import { FdTable } from '../object/fd-table.ts';
import { ObjectTable } from '../object/kernel-object.ts';
import { RunStats } from '../object/run-stats.ts';
import { compileRules } from '../rules/compile.ts';
import { ALL_CAPS } from '../rules/prog-type.ts';
import { sysBpf } from '../syscall/dispatch.ts';
import type { SyscallEnv } from '../syscall/env.ts';
import { verify } from '../verifier/check.ts';
import type { RuntimeOptions } from './assemble.ts';
import { closeKnownHoles } from './known-holes.ts';
import { notExecutable } from './not-executable.ts';
import { kernelTraits, observed, vmlinuxProvider } from './parts.ts';

/** The one network device that every kernel has. */
const LOOPBACK_IFINDEX = 1;

/** Settings of a kernel that only verifies. */
export type VerifyingOptions = Pick<
  RuntimeOptions,
  'memory' | 'cpus' | 'kernel' | 'caps' | 'kernelBtf' | 'allowKnownHoles' | 'onVerified'
> & {
  /** Milliseconds with a fraction, monotonic: by it the verifier says how long it took. Without one it says 0. */
  readonly stopwatch?: () => number;
};

/** bpf(2) of such a kernel. What it makes is as old as the kernel: it has no clock. */
export type VerifyingRuntime = BpfSyscall & Disposable;

/** Makes a kernel that verifies as `createRuntime({ verifyOnly: true })` does; its test runs answer -EOPNOTSUPP. */
export function createVerifyingRuntime(options: VerifyingOptions = {}): VerifyingRuntime {
  const nrCpus = options.cpus ?? 1;
  const rcu = new Rcu();
  const objects = new ObjectTable(rcu);
  const fds = new FdTable(objects);
  const vmlinux = vmlinuxProvider(options.kernelBtf);
  // Many programs have no maps, and need no memory then.
  const rules = compileRules(options.kernel);
  const maps = lazy(() => {
    const mem = new KernelMemory(options.memory);
    const { heapStart, heapEnd } = layoutMemory(mem, nrCpus);
    const allocator = new Allocator(mem, heapStart, heapEnd);
    return createMapEnv({
      ...{ mem, allocator, rcu, nrCpus, rules },
      random32: () => 0,
      nextMapId: () => objects.newId('map'),
    });
  });
  const env: SyscallEnv = {
    ...{ objects, fds, nrCpus, vmlinux, stopwatch: options.stopwatch ?? (() => 0) },
    get maps() {
      return maps();
    },
    caps: options.caps ?? ALL_CAPS,
    ...{
      rules,
      attach: undefined,
      files: undefined,
      bpffs: undefined,
      cgroupFs: undefined,
      stats: new RunStats(() => 0),
      tableOf: () => undefined,
    },
    verifyOnly: true,
    verify: observed(options.allowKnownHoles === true ? verify : closeKnownHoles(verify), options.onVerified),
    compile: notExecutable,
    bootTime: () => [0, 0],
    hasDevice: (ifindex) => ifindex === LOOPBACK_IFINDEX,
    testRun: (_, test) => {
      test.aborted = 'this kernel only verifies';
      return -ERRNO.EOPNOTSUPP;
    },
  };
  return {
    kernel: kernelTraits(nrCpus, vmlinux),
    bpf: <C extends keyof BpfAttrs>(cmd: C, attr: BpfAttrs[C]): number => sysBpf(env, cmd, attr),
    close: (fd) => fds.close(fd),
    [Symbol.dispose]: () => fds.closeAll(),
  };
}
