/** Formats of bpf_snprintf: which are understood, and with how many arguments, as Linux 6.18 said; `BLESS=1` records a kernel. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../../src/isa/encode.ts';
import { createRuntime } from '../../../../src/kernel/boot/runtime.ts';
import type { BpfSyscall } from '../../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../../src/uapi/cmd.ts';
import { errnoName } from '../../../../src/uapi/errno.ts';
import { BPF_F_RDONLY_PROG } from '../../../../src/uapi/flags.ts';
import { BPF_MAP_TYPE } from '../../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE } from '../../../../src/uapi/prog-types.ts';
import { kernelAbsent, liveKernel } from '../../../host/live-kernel.ts';

const FILE = new URL('../../../recorded/verifier/snprintf-6.18.json', import.meta.url);
const MOST_ARGS = 3;
const VALUE_SIZE = 32;

const INTEGERS = ['d', 'i', 'u', 'x', 'X', 'o', 'D'].flatMap((c) => [`%${c}`, `%l${c}`, `%ll${c}`, `%h${c}`]);
const POINTERS = [
  '',
  'K',
  'x',
  's',
  'S',
  'B',
  'ks',
  'us',
  'k',
  'u',
  'i4',
  'I4',
  'i6',
  'I6',
  'i5',
  'i',
  'a',
  'Kx',
  ' ',
  '.',
];
/** Text of bytes that are no letters or digits, alone, behind a conversion and in one. */
const BYTES = [
  0x01, 0x08, 0x09, 0x0b, 0x0d, 0x0e, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0x9f, 0xa0, 0xa1, 0xad, 0xbf, 0xc0, 0xc3, 0xd7,
  0xe9, 0xf7, 0xff,
]
  .map((byte) => String.fromCharCode(byte))
  .flatMap((text) => [text, `%s${text}`, `%p${text}`, `%${text}`]);
const FORMATS = [
  ...BYTES,
  ...['', 'plain', '%', '%%', '%%%', '%d%', 'a\nb\t', 'a\u0001', 'a\u007f', 'a\u00e9', '%\u0001'],
  ...INTEGERS,
  ...POINTERS.map((kind) => `%p${kind}`),
  ...['%c', '%ca', '%lc', '%s', '%s,', '%sa', '%s1', '%ls', '%f', '%e', '%n', '%*d', '%.3d', '%#x', "%'d"],
  ...['%5d', '%05d', '%-5d', '%+d', '% d', '%0+- 7x', '%5%', '%10s', '%05', '%l', '%ll', '%lll', '%lld%lld'],
  ...['%d %d', '%d%d%d', '%d%s %pK', '%s%s', '%s %s', '%d %d %d %d', '%pks', '%pksa', '%pus,', '%d%%%d'],
];

/** For 0 to {@link MOST_ARGS} arguments `+` for a program that is accepted, otherwise the errno of what refuses it. */
function ask(sys: BpfSyscall, format: string): string {
  const map_flags = BPF_F_RDONLY_PROG;
  const attr = {
    map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    key_size: 4,
    value_size: VALUE_SIZE,
    max_entries: 1,
    map_flags,
  };
  const map = sys.bpf(BPF_CMD.BPF_MAP_CREATE, attr);
  const value = new Uint8Array(VALUE_SIZE);
  value.set(Uint8Array.from(format, (c) => c.charCodeAt(0)));
  sys.bpf(BPF_CMD.BPF_MAP_UPDATE_ELEM, { map_fd: map, key: new Uint8Array(4), value, flags: 0n });
  sys.bpf(BPF_CMD.BPF_MAP_FREEZE, { map_fd: map });
  const answers = Array.from({ length: MOST_ARGS + 1 }, (_, args) => {
    const fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, {
      prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_TRACEPOINT,
      license: 'GPL',
      insns: encodeInsns(
        assemble(
          `
          r0 = 0
          *(u64 *)(r10 -8) = r0
          *(u64 *)(r10 -16) = r0
          *(u64 *)(r10 -24) = r0
          *(u64 *)(r10 -32) = r0
          r1 = r10
          r1 += -32
          r2 = 8
          r3 = map[m][0] ll
          r4 = r10
          r4 += -24
          r5 = ${args * 8}
          call bpf_snprintf
          r0 = 0
          exit`,
          { map: () => map },
        ),
      ),
    });
    if (fd >= 0) sys.close(fd);
    return fd >= 0 ? '+' : errnoName(-fd);
  });
  sys.close(map);
  return answers.join(' ');
}

const askAll = (sys: BpfSyscall): Record<string, string> =>
  Object.fromEntries(FORMATS.map((format) => [format, ask(sys, format)]));
const recorded = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, string>;
const kernel = await liveKernel();
afterAll(() => kernel?.[Symbol.dispose]());
const is618 = existsSync('/proc/version') && readFileSync('/proc/version', 'utf8').includes(' 6.18.');

test('as Linux 6.18 does', () => {
  using runtime = createRuntime({ verifyOnly: true, memory: 16 << 20 });
  expect(askAll(runtime)).toEqual(recorded);
});

test('as the live kernel does', ({ skip }) => {
  if (kernel === undefined || !is618) {
    skip(`no Linux 6.18 with bpf(2) here: ${FORMATS.length} formats not compared ${kernelAbsent}`);
    return;
  }
  const said = askAll(kernel);
  if (process.env['BLESS'] === '1') writeFileSync(FILE, `${JSON.stringify(said, null, 1)}\n`);
  else expect(said).toEqual(recorded);
});
