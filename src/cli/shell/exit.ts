/** Exit codes, and the two errors that only a command line has: wrong usage, and input that cannot be used. */

export const EXIT = { ok: 0, rejected: 1, usage: 2, input: 3, internal: 70 } as const;

/** The command line itself is wrong; `topic` names the help page that says how it should be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  constructor(
    message: string,
    readonly topic = '',
  ) {
    super(message);
  }
}

/** A file, or another input, that cannot be used: what it is and what is wrong, in one sentence. */
export class InputError extends Error {
  override readonly name = 'InputError';
  constructor(source: string, detail: string, options?: ErrorOptions) {
    super(source === '' ? detail : `${source}: ${detail}`, options);
  }
}

/** Something that is planned and not there: docs/SCOPE.md lists what is planned. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
  constructor(what: string) {
    super(`${what} is not supported yet: see docs/SCOPE.md`);
  }
}
