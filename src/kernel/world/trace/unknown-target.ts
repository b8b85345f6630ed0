/** The error of names that lead to nothing that can be traced. */

/** The kernel has nothing of that name to trace. */
export class UnknownTarget extends Error {
  override readonly name = 'UnknownTarget';
  constructor(
    readonly target: string,
    detail: string,
  ) {
    super(`${target}: ${detail}`);
  }
}
