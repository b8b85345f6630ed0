/** Arguments that come with a reference (struct_ops functions whose stubs name them so): the program starts with it. */
import { REF_SUFFIX, stubParams } from '../access/ctx-btf.ts';
import { attachPoint } from '../attach-point.ts';
import type { VerifierEnv } from '../env.ts';
import { acquireReference } from './refs.ts';

/** The program starts with a reference on each argument that comes with one. */
export function acquireArguments(env: VerifierEnv): void {
  env.argRefs.clear();
  const at = attachPoint(env);
  if (at === undefined) return;
  for (const [index, { name }] of stubParams(at).entries())
    if (name.endsWith(REF_SUFFIX)) env.argRefs.set(index, acquireReference(env, 0));
}
