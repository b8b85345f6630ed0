/** String helpers that need no state. */

/** bpf_strncmp(s1, s1_sz, s2): the difference of the first unequal characters, as strncmp of the kernel gives it. */
export function strncmp(a: u32, n: u32, b: u32): i32 {
  for (let i: u32 = 0; i < n; i++) {
    const x = load<u8>(a + i);
    const y = load<u8>(b + i);
    if (x != y) return x < y ? -1 : 1;
    if (!x) return 0;
  }
  return 0;
}
