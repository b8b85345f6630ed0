/** The same random programs in the live kernel's JIT: equal r0 by PROG_TEST_RUN, where bpf(2) can be asked. */
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { type KernelTransport, openKernelTransport } from '../../../src/host/kernel-transport.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { anyProgram } from './programs.ts';
import { compile, makeLink, programOf, type Row } from './support.ts';

const RUNS = Number(process.env.SKEP_LIVE_RUNS ?? 300);
const kernel = await openKernelTransport().catch((e: Error) => e);
const packet = new Uint8Array(64);

function runLive(sys: KernelTransport, rows: readonly Row[]): number | undefined {
  const insns = encodeInsns(programOf(rows).insns);
  const fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER,
    insns,
    license: 'GPL',
  });
  if (fd < 0) return undefined;
  const attr = { test: { prog_fd: fd, data_in: packet, repeat: 1, retval: 0 } };
  const result = sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, attr);
  sys.close(fd);
  return result < 0 ? undefined : attr.test.retval >>> 0;
}

if (kernel instanceof Error) console.log(`${RUNS} live comparisons skipped: ${kernel.message}`);

it.skipIf(kernel instanceof Error)('agrees with the live kernel', () => {
  const sys = kernel as KernelTransport;
  const link = makeLink(1 << 26);
  let compared = 0;
  fc.assert(
    fc.property(anyProgram, (rows) => {
      const expected = runLive(sys, rows);
      if (expected === undefined) return;
      compared++;
      const exe = compile(link, programOf(rows));
      const got = exe.run(0);
      exe.dispose();
      expect(got).toBe(expected);
    }),
    // The same programs every time: a comparison with another program must not depend on luck. SKEP_SEED chooses others.
    { numRuns: RUNS, seed: Number(process.env.SKEP_SEED ?? 1) },
  );
  console.log(`${compared} of ${RUNS} programs compared with the live kernel; it refused the others`);
  expect(compared).toBeGreaterThan(RUNS / 10);
});

afterAll(() => {
  if (!(kernel instanceof Error)) kernel[Symbol.dispose]();
});
