/** Programs whose context and kernel structs are typed by BTF: one a line, with what Linux 6.18 said of it. */
import { BTF_KIND } from '../../../../src/btf/types.ts';
import type { Btf } from '../../../../src/btf/btf.ts';
import type { KernelTransport } from '../../../../src/host/kernel-transport.ts';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../../src/isa/encode.ts';
import { ALL_CAPS } from '../../../../src/kernel/rules/prog-type.ts';
import { verify } from '../../../../src/kernel/verifier/check.ts';
import { BPF_CMD } from '../../../../src/uapi/cmd.ts';
import { compileRules } from '../../../../src/kernel/rules/compile.ts';

const RULES = compileRules('6.18');

export interface Row {
  /** `tp:sched_switch`, `iter:task`, `ops:table.member`, `fentry:f`, `fexit:f`, `fmod_ret:f`, `lsm:hook`, `lsm_cgroup:hook`. */
  readonly attach: string;
  /** `-`, or `sleepable`, `proprietary`. */
  readonly how: string;
  /** Instructions, separated by `; `. */
  readonly source: string;
  readonly verdict: string;
}

export const readRows = (text: string): Row[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [attach, how, source, verdict] = line.split('\t');
      return { attach, how, source, verdict };
    });

const FUNCTIONS: Readonly<Record<string, readonly [type: number, attach: number, prefix: string]>> = {
  iter: [26, 28, 'bpf_iter_'],
  fentry: [26, 24, ''],
  fexit: [26, 25, ''],
  fmod_ret: [26, 26, ''],
  lsm: [29, 27, 'bpf_lsm_'],
  lsm_cgroup: [29, 43, 'bpf_lsm_'],
};

interface Target {
  readonly progType: number;
  readonly attachType: number;
  readonly btfId: number;
}

function targetOf(btf: Btf, attach: string): Target {
  const [kind, name] = attach.split(':');
  if (kind === 'tp')
    return {
      progType: 26,
      attachType: 23,
      btfId: btf.find(`btf_trace_${name}`, BTF_KIND.TYPEDEF) || btf.find(name, BTF_KIND.FUNC),
    };
  if (kind === 'ops') {
    const [table, member] = name.split('.');
    const btfId = btf.find(table, BTF_KIND.STRUCT);
    const at = btf.type(btfId)?.members.findIndex((m) => m.name === member) ?? -1;
    return { progType: 27, attachType: at < 0 ? Number(member) : at, btfId };
  }
  const [progType, attachType, prefix] = FUNCTIONS[kind];
  return { progType, attachType, btfId: btf.find(prefix + name, BTF_KIND.FUNC) || btf.find(name, BTF_KIND.STRUCT) };
}

const flagsOf = (row: Row): number => (row.how === 'sleepable' ? 16 : 0);
const licenseOf = (row: Row): string => (row.how === 'proprietary' ? 'Proprietary' : 'GPL');
const insnsOf = (row: Row) => assemble(row.source.replaceAll('; ', '\n'));

/** What our verifier says; the id of a rejection is added to `ids`. */
export function ours(btf: Btf, row: Row, ids?: Set<string>): string {
  const { progType, attachType, btfId } = targetOf(btf, row.attach);
  const outcome = verify({
    insns: insnsOf(row),
    progType,
    expectedAttachType: attachType,
    progFlags: flagsOf(row),
    name: 't',
    license: licenseOf(row),
    caps: ALL_CAPS,
    rules: RULES,
    logLevel: 2,
    attachBtfId: btfId,
    vmlinux: () => btf,
    mapByFd: () => -9,
  });
  if (!outcome.ok) ids?.add(outcome.id);
  return gist(outcome.ok ? 0 : outcome.errno, outcome.log);
}

/** What the live kernel says. */
export function theirs(kernel: KernelTransport, btf: Btf, row: Row): string {
  const { progType, attachType, btfId } = targetOf(btf, row.attach);
  const log = new Uint8Array(1 << 17);
  const fd = kernel.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: progType,
    expected_attach_type: attachType,
    insns: encodeInsns(insnsOf(row)),
    license: licenseOf(row),
    log_level: 2,
    log_buf: log,
    prog_flags: flagsOf(row),
    attach_btf_id: btfId,
  });
  if (fd >= 0) kernel.close(fd);
  return gist(fd < 0 ? -fd : 0, new TextDecoder().decode(log.subarray(0, log.indexOf(0))));
}

/** The errno and what was said after the last instruction; of accepted programs, the states that the log shows. */
function gist(errno: number, log: string): string {
  const lines = log.split('\n').filter((l) => l !== '' && !/^(func#|Live |processed |mark_precise| +\d+:)/.test(l));
  if (errno !== 0) {
    const last = lines.findLastIndex((l) => /^\d+: \(/.test(l));
    return `${errno} ${lines.slice(last + 1).join(' | ')}`.trimEnd();
  }
  const states = lines.map((l) => /^\d+: \(.*?; (R.*)$/.exec(l)?.[1] ?? /^[1-9]\d*: (R.*)$/.exec(l)?.[1] ?? '');
  return `0 ${states.filter((s) => s !== '').join(' | ')}`.trimEnd();
}
