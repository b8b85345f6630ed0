/** Verdicts that differ between kernels of 6.18: the files hold what one of them says, this table what the others say, and why. */

/** What another kernel of the same version says of a program. */
interface Elsewhere {
  readonly verdict: string;
  /** The patch level that says it; or what of its build decides. */
  readonly by: '6.18.15' | '6.18.44' | 'layout';
  readonly why: string;
}

/** By the program's name. */
export const ELSEWHERE: Readonly<Record<string, Elsewhere>> = {
  res_lock: {
    verdict: 'reject EACCES: Possibly NULL pointer passed to trusted arg0',
    by: '6.18.44',
    why: 'kernel functions without a mark of their own want trusted pointers',
  },
  'a struct that nothing vouches for, passed to a function that does not insist': {
    verdict: 'reject EINVAL: R1 must be referenced or trusted',
    by: '6.18.44',
    why: 'kernel functions without a mark of their own want trusted pointers',
  },
  throw_ref: {
    verdict: 'reject EINVAL: BPF_EXIT instruction in main prog would lead to reference leak',
    by: '6.18.15',
    why: 'what a function leaves behind when it throws was looked at as if the program ended',
  },
  rdonly_write: {
    verdict: 'reject EACCES: 3: (62) *(u32 *)(r0 +0) = 1',
    by: '6.18.15',
    why: 'it says nothing of its own',
  },
  'operations for tests that write through a cast': {
    verdict: 'reject EACCES: only access to bpf_dummy_ops_state is supported',
    by: '6.18.15',
    why: 'the table of operations was asked first about pointers that nothing vouches for',
  },
  'a congestion control that writes through a cast': {
    verdict: 'reject EACCES: no write support to tcp_sock at off 1444',
    by: '6.18.15',
    why: 'the table of operations was asked first about pointers that nothing vouches for',
  },
  'R43 a link with a delta, added in 32 bits (safe twin)': {
    verdict: 'reject EACCES: R6 unbounded memory access, make sure to bounds check any such access',
    by: '6.18.15',
    why: 'additions in 32 bits broke the link',
  },
  'fixed within 6.18: -1 or 0 becomes -1 or 8 (safe twin)': {
    verdict: 'reject EINVAL: math between map_value pointer and register with unbounded min value is not allowed',
    by: '6.18.15',
    why: 'numbers were not told apart after a bitwise operation',
  },
  walk_comm: { verdict: 'accept, 5 insns', by: 'layout', why: 'another member lies there' },
  walk_mm: {
    verdict:
      'reject EACCES: access beyond the end of member btrace_seq (mend:1228) in struct task_struct with off 1224 size 8',
    by: 'layout',
    why: 'another member lies there',
  },
};

/** What a live 6.18 may say of a program: the verdict of the files, or that of another patch level or build. */
export function verdictsWithin618(name: string, verdict: string): readonly string[] {
  const other = ELSEWHERE[name];
  return other === undefined ? [verdict] : [verdict, other.verdict];
}
