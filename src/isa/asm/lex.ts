/** Tokens of the assembler: a line-wise scanner that remembers where everything stood. */
import { FormatError } from '../../util/errors.ts';

export type TokenKind = 'word' | 'number' | 'op' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Value of a number token. */
  readonly value: bigint;
  /** Character offset in the whole text. */
  readonly at: number;
}

/** Longer ones first, so that a prefix never wins. */
const OPERATORS =
  's>>= <<= >>= s/= s%= s>= s<= += -= *= /= %= |= &= ^= == != >= <= s> s< = > < & + - * ( ) [ ] , : #'.split(' ');
const WORD = /[A-Za-z_.$][\w.$]*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|\d+/y;

/** Error at a character of the text, with its line and column (both from 1). */
export function asmError(text: string, at: number, detail: string): FormatError {
  let line = 1;
  let start = 0;
  for (let nl = text.indexOf('\n'); nl >= 0 && nl < at; nl = text.indexOf('\n', nl + 1)) {
    line++;
    start = nl + 1;
  }
  return new FormatError('asm', at, `line ${line}, column ${at - start + 1}: ${detail}`);
}

/** Offset after the last character of the line that belongs to code, not to a comment. */
function codeEnd(text: string, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const c = text[i];
    if (c === ';') return i;
    if (c === '/' && text[i + 1] === '/') return i;
    if (c !== '#') continue;
    const before = text.slice(start, i);
    const bound = before === '' || /\s$/.test(before);
    if (bound && !(/\bcall\s+$/.test(before) && /[0-9-]/.test(text[i + 1] ?? ''))) return i;
  }
  return end;
}

/** Tokens of the line at [start, end) of `text`, without its comment; the last one is of kind `end`. */
export function scanLine(text: string, start: number, end: number): Token[] {
  const out: Token[] = [];
  const stop = codeEnd(text, start, end);
  for (let i = start; i < stop; ) {
    const c = text[i];
    if (c === ' ' || c === '\t' || c === '\r') {
      i++;
      continue;
    }
    const op = OPERATORS.find((o) => text.startsWith(o, i));
    // `s>` and the like are operators, but `s` may also begin a word; no word continues with such a character.
    if (op !== undefined) {
      out.push({ kind: 'op', text: op, value: 0n, at: i });
      i += op.length;
      continue;
    }
    NUMBER.lastIndex = i;
    const number = NUMBER.exec(text);
    if (number !== null) {
      const after = text[i + number[0].length] ?? '';
      if (/\w/.test(after)) throw asmError(text, i, `malformed number ${number[0]}${after}`);
      if (number[0].length > 22) throw asmError(text, i, 'number does not fit in 64 bits');
      out.push({ kind: 'number', text: number[0], value: BigInt(number[0]), at: i });
      i += number[0].length;
      continue;
    }
    WORD.lastIndex = i;
    const word = WORD.exec(text);
    if (word === null) throw asmError(text, i, `unexpected character ${JSON.stringify(c)}`);
    out.push({ kind: 'word', text: word[0], value: 0n, at: i });
    i += word[0].length;
  }
  out.push({ kind: 'end', text: 'end of line', value: 0n, at: stop });
  return out;
}

/** A cursor over the tokens of one line. */
export class TokenCursor {
  #i = 0;
  readonly text: string;
  readonly #tokens: readonly Token[];

  constructor(text: string, tokens: readonly Token[]) {
    this.text = text;
    this.#tokens = tokens;
  }

  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#i + ahead, this.#tokens.length - 1)];
  }

  next(): Token {
    const t = this.peek();
    if (t.kind !== 'end') this.#i++;
    return t;
  }

  /** Takes the next token when its text is `text`. */
  accept(text: string): boolean {
    if (this.peek().text !== text) return false;
    this.next();
    return true;
  }

  expect(text: string): Token {
    const t = this.peek();
    if (t.text !== text) throw this.error(t, `expected ${text}`);
    return this.next();
  }

  error(t: Token, detail: string): FormatError {
    const found = t.kind === 'end' ? 'the line ends' : `found ${t.text}`;
    return asmError(this.text, t.at, `${detail}, ${found}`);
  }

  /** A number with an optional sign. */
  number(): bigint {
    const negative = this.peek().text === '-';
    if (negative || this.peek().text === '+') this.next();
    const t = this.next();
    if (t.kind !== 'number') throw this.error(t, 'expected a number');
    return negative ? -t.value : t.value;
  }
}
