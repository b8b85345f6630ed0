/** One run of a program in progress (struct bpf_run_ctx): what its helpers ask about it and note for its hook. */

/** Helpers see the innermost one of their CPU: {@link Cpu.run}. */
export class Invocation {
  /** Guest address of the context object (xdp_buff, sk_buff, ...). */
  ctx = 0;
  progType = 0;
  /** Set by bpf_redirect and friends: target and flags; -1 when no redirect was asked for. */
  redirectIfindex = -1;
  redirectFlags = 0;
  /** Map object id and key of bpf_redirect_map, 0 without. */
  redirectMapId = 0;
  redirectKey = 0;
  /** Address of the traced function (bpf_get_func_ip) and the link's cookie (bpf_get_attach_cookie), as [lo, hi]. */
  funcIp: readonly [lo: number, hi: number] | undefined = undefined;
  attachCookie: readonly [lo: number, hi: number] | undefined = undefined;
  /** Whether the traced function's result may be asked for (bpf_get_func_ret). */
  hasResult = false;
  /** Whether a signal waits for the end of this run, which is an interrupt. */
  signalled = false;
  /** Of a nested run: stack pointer and tail calls of the CPU when it began, with which the outer run goes on. */
  sp = 0;
  tailCalls = 0;

  begin(progType: number, ctx: number): void {
    this.ctx = ctx;
    this.progType = progType;
    this.redirectIfindex = -1;
    this.redirectFlags = 0;
    this.redirectMapId = 0;
    this.redirectKey = 0;
    this.funcIp = undefined;
    this.attachCookie = undefined;
    this.hasResult = false;
    this.signalled = false;
  }
}
