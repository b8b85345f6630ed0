/** The passes before exploration against the head of the kernel's level-2 log: functions, live registers, loops, first rejections. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Btf } from '../../../../src/btf/btf.ts';
import { compileRules } from '../../../../src/kernel/rules/compile.ts';
import { checkBtfInfo, checkBtfInfoEarly } from '../../../../src/kernel/verifier/pass/check-btf.ts';
import { checkCfg } from '../../../../src/kernel/verifier/pass/cfg.ts';
import { computePostorder } from '../../../../src/kernel/verifier/pass/flow.ts';
import { computeLiveRegs } from '../../../../src/kernel/verifier/pass/live-regs.ts';
import { resolveInsns } from '../../../../src/kernel/verifier/pass/resolve.ts';
import { computeScc } from '../../../../src/kernel/verifier/pass/scc.ts';
import { addSubprogsAndKfuncs, checkSubprogs } from '../../../../src/kernel/verifier/pass/subprogs.ts';
import { progTag } from '../../../../src/kernel/verifier/pass/tag.ts';
import { envOf, fixture, inputOf, localRecordings, type Recorded, verdictOf } from '../recorded.ts';

const RULES = compileRules('6.18');

let kernel: Btf | undefined;
const vmlinux = (): Btf | undefined => {
  const path = '/sys/kernel/btf/vmlinux';
  if (kernel === undefined && existsSync(path)) kernel = Btf.parse(new Uint8Array(readFileSync(path)));
  return kernel;
};

/** Log text and verdict of the passes before exploration. */
function head(r: Recorded): { text: string; verdict: number } {
  const env = envOf(inputOf(r, vmlinux));
  const verdict = verdictOf(() => {
    checkBtfInfoEarly(env);
    addSubprogsAndKfuncs(env);
    checkSubprogs(env);
    checkBtfInfo(env);
    resolveInsns(env);
    checkCfg(env);
    computePostorder(env);
    computeScc(env);
    computeLiveRegs(env);
  });
  return { text: env.log.text(), verdict };
}

/** The kernel's, up to the first explored instruction or the statistics; map addresses hidden. */
function kernelHead(log: string): string {
  const end =
    /^(?:; .*\n)?(?:0: R1|processed|verification time|Validating|Global function|0: R10|func_info|arg#)/m.exec(log);
  return log.slice(0, end?.index ?? log.length);
}

const normal = (text: string): string =>
  text.replace(/= 0x[0-9a-f]+$/gm, '= X').replace(/call kernel-function|call \w+#-?\d+/g, 'call');

/** Texts of the recordings whose head differs, or that are refused before exploration with another errno. */
function differences(all: readonly Recorded[]): string[] {
  const wrong: string[] = [];
  for (const r of all) {
    const { text, verdict } = head(r);
    const got = normal(text);
    const want = normal(kernelHead(r.log));
    if (got === want) {
      if (verdict !== 0 && verdict !== r.ret) wrong.push(`${r.prog}: got ${verdict}, want ${r.ret}`);
      continue;
    }
    const g = got.split('\n');
    const w = want.split('\n');
    const at = g.findIndex((l, i) => l !== w[i]);
    wrong.push(`${r.prog} (${r.ret}) line ${at}\n   got  ${g[at]}\n   want ${w[at < 0 ? g.length : at]}`);
  }
  return wrong;
}

test("log heads and first rejections of recorded programs equal the kernel's", () => {
  const all = fixture('pass-programs.jsonl');
  expect(all.length).toBeGreaterThan(200);
  expect(differences(all).join('\n')).toBe('');
});

test("tags of recorded programs equal the kernel's", () => {
  const all = [...fixture('pass-programs.jsonl'), ...localRecordings()].filter((r) => r.tag !== undefined);
  expect(all.length).toBeGreaterThan(2);
  for (const r of all) expect(progTag(inputOf(r).insns), r.prog).toBe(r.tag);
});

test('log heads of local recordings (SKEP_RECORDINGS)', () => {
  const all = localRecordings();
  const usable = all.filter((r) => RULES.prog(r.type) !== undefined && r.log !== '');
  const wrong = differences(usable);
  console.log(`${usable.length} compared, ${all.length - usable.length} skipped, ${wrong.length} differ`);
  expect(wrong.slice(0, 40).join('\n')).toBe('');
});
