/** Why no kernel can be asked: koffi is missing, the platform is not Linux, or bpf(2) is refused. */
export class KernelUnavailableError extends Error {
  override readonly name = 'KernelUnavailableError';
  /**
   * @param reason one sentence without a full stop
   * @param errno what bpf(2) said, 0 when it could not be called
   */
  constructor(
    readonly reason: string,
    readonly errno = 0,
    options?: ErrorOptions,
  ) {
    super(`the kernel's bpf(2) cannot be used: ${reason}`, options);
  }
}
