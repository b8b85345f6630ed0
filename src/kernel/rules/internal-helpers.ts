/** Functions that only rewritten programs call: ids above every helper of the UAPI. */
export const INTERNAL_HELPER = {
  /** bpf_skb_load_helper_8(skb, offset): a byte of the packet, or a negative number. */
  skb_load_helper_8: 10001,
  /** bpf_skb_load_helper_16: in host order. */
  skb_load_helper_16: 10002,
  /** bpf_skb_load_helper_32: in host order. */
  skb_load_helper_32: 10003,
} as const;

/**
 * In the offset of a rewritten call of bpf_loop: Linux inlines it, as its callback is known and its flags are always zero. The count is
 * 64 bits then, and -E2BIG 32.
 */
export const LOOP_INLINED = 1;

export type InternalHelper = keyof typeof INTERNAL_HELPER;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(INTERNAL_HELPER).map(([name, id]) => [id, name]));

/** The name of an internal helper id, or undefined. */
export function internalHelperName(id: number): string | undefined {
  return NAMES.get(id);
}
