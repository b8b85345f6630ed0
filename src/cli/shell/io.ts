/** Where a command writes: text with control characters made visible, colours and progress only on a terminal. */
import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

export interface Io {
  /** Writes to stdout. */
  out(text: string): void;
  /** Writes to stderr. */
  err(text: string): void;
  /** Whether stdout is a terminal. */
  readonly terminal: boolean;
  readonly columns: number;
  /** Colours for stdout, when it takes them. */
  style(style: Style, text: string): string;
  /** One line on stderr that is overwritten; '' removes it. Nothing where stderr is no terminal. */
  progress(text: string): void;
}

/** NO_COLOR and FORCE_COLOR win over what the stream is (no-color.org). */
function takesColour(isTerminal: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0';
  return isTerminal && TERM !== 'dumb';
}

const PROGRESS_EVERY_MS = 80;

export function processIo(): Io {
  const terminal = process.stdout.isTTY === true;
  const colour = takesColour(terminal);
  const live = process.stderr.isTTY === true;
  let shown = false;
  let last = 0;
  const clear = (): void => {
    if (shown) process.stderr.write('\r\x1b[K');
    shown = false;
  };
  return {
    out(text) {
      clear();
      process.stdout.write(text);
    },
    err(text) {
      clear();
      process.stderr.write(text);
    },
    terminal,
    columns: process.stdout.columns ?? 100,
    style: (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text),
    progress(text) {
      if (!live) return;
      if (text === '') return clear();
      const now = performance.now();
      if (now - last < PROGRESS_EVERY_MS) return;
      last = now;
      process.stderr.write(`\r${text.slice(0, (process.stderr.columns ?? 80) - 1)}\x1b[K`);
      shown = true;
    },
  };
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Names and texts of untrusted files, fit for a terminal: control and direction characters as \xNN. */
export function visible(text: string): string {
  return text.replace(CONTROL, (c) => {
    const code = c.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** {@link visible}, with line ends and tabs left: for logs of several lines. */
export const visibleLines = (text: string): string =>
  text
    .split('\n')
    .map((l) => l.split('\t').map(visible).join('\t'))
    .join('\n');
