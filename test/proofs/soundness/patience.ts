/** Signals that end verifications which take too long for a proof. */

/** The verifier looks at its signal every so many instructions. */
const SIGNAL_EVERY = 0x4000;

/** A signal for one verification: raised after about `insns` instructions, or once `also` says so. */
export function patience(insns: number, also: () => boolean = () => false): AbortSignal {
  let looks = 0;
  return {
    get aborted() {
      return ++looks * SIGNAL_EVERY > insns || also();
    },
  } as AbortSignal;
}
