/** The passes before exploration against the head of the kernel's level-2 log: functions, live registers, loops, first rejections. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Btf } from '../../../src/btf/btf.ts';
import { progTypeOps } from '../../../src/kernel/spec/prog-types.ts';
import { checkBtfInfo, checkBtfInfoEarly } from '../../../src/kernel/verifier/pass/check-btf.ts';
import { checkCfg } from '../../../src/kernel/verifier/pass/cfg.ts';
import { computePostorder } from '../../../src/kernel/verifier/pass/flow.ts';
import { computeLiveRegs } from '../../../src/kernel/verifier/pass/live-regs.ts';
import { resolveInsns } from '../../../src/kernel/verifier/pass/resolve.ts';
import { computeScc } from '../../../src/kernel/verifier/pass/scc.ts';
import { addSubprogsAndKfuncs, checkSubprogs } from '../../../src/kernel/verifier/pass/subprogs.ts';
import { envOf, inputOf, localRecordings, type Recorded, verdictOf } from '../recorded.ts';

let kernel: Btf | undefined;
const vmlinux = (): Btf | undefined => {
  const path = '/sys/kernel/btf/vmlinux';
  if (kernel === undefined && existsSync(path)) kernel = Btf.parse(new Uint8Array(readFileSync(path)));
  return kernel;
};

/** Log text of the passes before exploration. */
function head(r: Recorded): string {
  const env = envOf(inputOf(r, vmlinux));
  verdictOf(() => {
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
  return env.log.text();
}

/** The kernel's, up to the first explored instruction or the statistics; map addresses hidden. */
function kernelHead(log: string): string {
  const end =
    /^(?:; .*\n)?(?:0: R1|processed|verification time|Validating|Global function|0: R10|func_info|arg#)/m.exec(log);
  return log.slice(0, end?.index ?? log.length);
}

const normal = (text: string): string =>
  text.replace(/= 0x[0-9a-f]+$/gm, '= X').replace(/call kernel-function|call \w+#-?\d+/g, 'call');

test('log heads of local recordings', () => {
  const wrong: string[] = [];
  let checked = 0;
  let skipped = 0;
  for (const r of localRecordings()) {
    if (progTypeOps(r.type) === undefined || r.log === '') {
      skipped++;
      continue;
    }
    checked++;
    const got = normal(head(r));
    const want = normal(kernelHead(r.log));
    if (got === want) continue;
    const g = got.split('\n');
    const w = want.split('\n');
    const at = g.findIndex((l, i) => l !== w[i]);
    wrong.push(`${r.prog} (${r.ret}) line ${at}\n   got  ${g[at]}\n   want ${w[at < 0 ? g.length : at]}`);
  }
  console.log(`${checked} compared, ${skipped} skipped, ${wrong.length} differ`);
  expect(wrong.slice(0, 40).join('\n')).toBe('');
});
