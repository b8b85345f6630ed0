/** What a kernel, embedded or real, says of a case: BTF_LOAD, MAP_CREATE, PROG_LOAD with errno and last message. */
import type { Btf } from '../../../src/btf/btf.ts';
import { BTF_KIND } from '../../../src/btf/types.ts';
import { assembleProgram } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { errnoName } from '../../../src/uapi/errno.ts';
import type { Case, CaseProgram } from './cases.ts';

const STATISTICS = /^(processed \d|verification time |stack depth )/;
const log = new Uint8Array(1 << 20);

function lastLine(): string {
  const lines = new TextDecoder('latin1').decode(log.subarray(0, log.indexOf(0))).split('\n');
  const last = lines.findLast((l) => l !== '' && !STATISTICS.test(l)) ?? '';
  return last.replace(/processed \d+ insns.*/, '');
}

/** One answer a step; a step that fails ends what needs it. */
export function ask(sys: BpfSyscall, kernelBtf: Btf, c: Case): string[] {
  log[0] = 0;
  const btf = sys.bpf(BPF_CMD.BPF_BTF_LOAD, { btf: c.btf, btf_log_level: 1, btf_log_buf: log });
  if (btf < 0) return [`btf ${errnoName(-btf)}: ${lastLine()}`];
  const map = c.map === undefined ? 0 : sys.bpf(BPF_CMD.BPF_MAP_CREATE, { ...c.map, btf_fd: btf });
  const answers = c.map === undefined ? [] : [map < 0 ? `map ${errnoName(-map)}` : 'map'];
  if (map >= 0) for (const p of c.programs) answers.push(program(sys, kernelBtf, p, btf, map));
  if (c.map !== undefined && map >= 0) sys.close(map);
  sys.close(btf);
  return answers;
}

function program(sys: BpfSyscall, kernelBtf: Btf, p: CaseProgram, btf: number, map: number): string {
  const kfuncId = (name: string): number => kernelBtf.find(name, BTF_KIND.FUNC);
  const text = p.text
    .replace(/kfunc (\w+)/g, (_, f: string) => `call bpf_kfunc#${kfuncId(f)}`)
    .replace(/kernel\((\w+)\)/g, (_, s: string) => String(kernelBtf.find(s, BTF_KIND.STRUCT)));
  const { insns, labels } = assembleProgram(text, { map: () => map });
  const funcs = [...(p.funcs ?? [])].flatMap(([label, id]) => [label === 'main' ? 0 : (labels.get(label) ?? 0), id]);
  log[0] = 0;
  const fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: p.type,
    insns: encodeInsns(insns),
    license: 'GPL',
    log_level: 1,
    log_buf: log,
    prog_btf_fd: btf,
    ...(p.type === 31 ? { prog_flags: 16 } : {}),
    ...(funcs.length === 0 ? {} : { func_info_rec_size: 8, func_info: words(funcs) }),
  });
  if (fd < 0) return `${errnoName(-fd)}: ${lastLine().replace(`fd ${btf} `, 'fd btf ')}`;
  sys.close(fd);
  return 'accept';
}

const words = (values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
