/** The C expression that begins at, or is meant by, a column of a line: compilers name the place of an operator, a member or a call. */

/** A piece of a source line. */
export interface Expression {
  /** First character, and the one after the last; 0-based. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const WORD = /[A-Za-z0-9_]/;
const PAIRS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const KEYWORDS = new Set(['if', 'while', 'for', 'return', 'switch', 'else', 'do', 'case', 'sizeof']);

/** `column` counts from 1, as line information does; undefined when nothing sensible is there. */
export function expressionAt(line: string, column: number): Expression | undefined {
  let at = column - 1;
  if (at < 0 || at >= line.length) return undefined;
  while (line[at] === ' ' || line[at] === '\t') at++;
  const c = line[at];
  if (c === undefined) return undefined;
  if (WORD.test(c)) return named(line, at);
  // An assignment: what is assigned to.
  if (isAssignment(line, at)) return before(line, at);
  if (c === '*' || c === '&' || c === '!' || c === '~') {
    const operand = after(line, at + 1);
    const left = leftOperand(line, at);
    if (left !== undefined && c !== '!' && c !== '~') return binary(line, at, left);
    return operand === undefined ? undefined : slice(line, at, operand.end);
  }
  if (c === '(') return slice(line, at, after(line, at)?.end ?? matching(line, at) + 1);
  if ((c === '+' || c === '-') && line[at + 1] === c) return before(line, at) ?? after(line, at + 2);
  const left = leftOperand(line, at);
  return left === undefined ? after(line, at) : binary(line, at, left);
}

/** The variable or member that an expression ends with: `eth` of `eth->h_proto`, with all in front of the last member. */
export function baseOf(expression: string): string {
  const text = bare(expression);
  // What is behind a star is the pointer, members and all.
  if (expression.trim().startsWith('*') && !/&\s*\w[\w.>[\]-]*$/.test(expression)) return text;
  const member = /^(.*?)(?:->|\.)\w+(?:\[[^\]]*\])*$/s.exec(text);
  if (member !== null && member[1] !== '') return bare(member[1]);
  const element = /^([\w.>-]+)\[/.exec(text);
  return element === null ? text : element[1];
}

/** Without stars, casts and brackets around it. */
function bare(expression: string): string {
  let text = expression.trim();
  for (;;) {
    if (text[0] === '*' || text[0] === '&') {
      text = text.slice(1).trim();
      continue;
    }
    if (text[0] !== '(') return text;
    const end = forward(text, 0);
    const inner = text.slice(1, end - 1).trim();
    const rest = text.slice(end).trim();
    if (rest === '') text = inner;
    else if (isType(inner)) text = rest;
    else return text;
  }
}

const INTEGER =
  /^(?:unsigned |signed )?(?:long|int|short|char|__[us]\d+|[us]\d+|u?int\d+_t|uintptr_t|size_t)(?: long)?$/;
const POINTER = /^(?:const |volatile )*(?:struct |union |unsigned |enum )?\w+[\s*]*\*$/;
const isType = (text: string): boolean => POINTER.test(text) || INTEGER.test(text);

/** The condition of an if, while or for on this line, around or after the column; the whole line's first without one there. */
export function conditionAt(line: string, column: number): string | undefined {
  const found = [...line.matchAll(/\b(if|while|for)\s*\(/g)];
  const at = found.findLast((m) => m.index < column) ?? found[0];
  if (at === undefined) return undefined;
  const open = at.index + at[0].length - 1;
  const close = matching(line, open);
  const inside = line.slice(open + 1, close < 0 ? line.length : close).trim();
  return at[1] === 'for' ? (inside.split(';')[1]?.trim() ?? inside) : inside;
}

function slice(line: string, start: number, end: number): Expression | undefined {
  const text = line.slice(start, end);
  const trimmed = text.trimEnd();
  return trimmed === '' ? undefined : { start, end: start + trimmed.length, text: trimmed };
}

/** A name: with all that it is a member of in front, and with brackets and arguments behind. */
function named(line: string, at: number): Expression | undefined {
  let start = at;
  while (start > 0 && WORD.test(line[start - 1])) start--;
  let end = at;
  while (end < line.length && WORD.test(line[end])) end++;
  const word = line.slice(start, end);
  if (word === 'return' || KEYWORDS.has(word)) return after(line, end) ?? slice(line, start, end);
  end = postfix(line, end, false);
  return slice(line, owners(line, start), end);
}

/** Where brackets and arguments behind `end` end; with `members`, members too. */
function postfix(line: string, end: number, members: boolean): number {
  for (;;) {
    const next = /^\s*/.exec(line.slice(end))?.[0].length ?? 0;
    const c = line[end + next];
    if (c === '[' || (c === '(' && next === 0)) {
      const close = matching(line, end + next);
      if (close < 0) return line.length;
      end = close + 1;
    } else if (members && /^(?:->|\.)\s*\w/.test(line.slice(end))) {
      end += /^(?:->|\.)\s*\w+/.exec(line.slice(end))?.[0].length ?? 0;
    } else return end;
  }
}

/** The start of the chain of members in front of `start`. */
function owners(line: string, start: number): number {
  for (;;) {
    const link = /(?:->|\.)\s*$/.exec(line.slice(0, start));
    if (link === null) return start;
    const owner = operandEndingAt(line, link.index);
    if (owner === undefined) return start;
    start = owner;
  }
}

/** Where the operand begins whose last character is in front of `end`. */
function operandEndingAt(line: string, end: number): number | undefined {
  while (end > 0 && line[end - 1] === ' ') end--;
  let start = end;
  for (;;) {
    const c = line[start - 1];
    if (c === ')' || c === ']') {
      const open = backward(line, start - 1);
      if (open < 0) return undefined;
      start = open;
      if (!(start > 0 && (WORD.test(line[start - 1]) || line[start - 1] === ']' || line[start - 1] === ')'))) break;
    } else if (c !== undefined && WORD.test(c)) {
      while (start > 0 && WORD.test(line[start - 1])) start--;
      break;
    } else break;
  }
  return start === end ? undefined : owners(line, start);
}

/** The operand in front of an operator. */
function before(line: string, at: number): Expression | undefined {
  let end = at;
  while (end > 0 && /[-+*/&|^<>%]/.test(line[end - 1])) end--;
  const start = operandEndingAt(line, end);
  if (start === undefined) return undefined;
  const star = /\*+\s*$/.exec(line.slice(0, start));
  const lone = star !== null && !/[\w)\]]\s*$/.test(line.slice(0, star.index));
  return slice(line, lone ? star.index : start, end);
}

/** A unary expression from `at` on. */
function after(line: string, at: number): Expression | undefined {
  let start = at;
  while (line[start] === ' ') start++;
  let end = start;
  while (/[*&!~\-+]/.test(line[end] ?? '')) end++;
  while (line[end] === ' ') end++;
  if (line[end] === '(') {
    const close = matching(line, end);
    if (close < 0) return slice(line, start, line.length);
    const inner = line.slice(end + 1, close);
    const rest = /^\s*[\w(*&]/.test(line.slice(close + 1)) && (isType(inner.trim()) || /^\w+$/.test(inner.trim()));
    end = rest ? (after(line, close + 1)?.end ?? close + 1) : postfix(line, close + 1, true);
    return slice(line, start, end);
  }
  const from = end;
  while (end < line.length && WORD.test(line[end])) end++;
  return end === from ? undefined : slice(line, start, postfix(line, end, true));
}

function leftOperand(line: string, at: number): number | undefined {
  const start = operandEndingAt(line, at);
  if (start === undefined) return undefined;
  const word = /^\w+/.exec(line.slice(start, at))?.[0] ?? '';
  return KEYWORDS.has(word) ? undefined : start;
}

function binary(line: string, at: number, left: number): Expression | undefined {
  let end = at;
  while (/[-+*/&|^<>%=!]/.test(line[end] ?? '')) end++;
  return slice(line, left, after(line, end)?.end ?? end);
}

function isAssignment(line: string, at: number): boolean {
  const op = /^(?:<<|>>|[-+*/&|^%])?=(?!=)/.exec(line.slice(at));
  return op !== null && !(line[at] === '=' && /[=!<>]/.test(line[at - 1] ?? ''));
}

/** The bracket that closes the one at `open`, -1 when the line ends before. */
function matching(line: string, open: number): number {
  const end = forward(line, open);
  return end > line.length ? -1 : end - 1;
}

/** Behind the bracket that closes the one at `open`; beyond the line when it is not there. */
function forward(line: string, open: number): number {
  let depth = 0;
  for (let i = open; i < line.length; i++) {
    if ('([{'.includes(line[i])) depth++;
    else if (')]}'.includes(line[i]) && --depth === 0) return i + 1;
  }
  return line.length + 1;
}

/** The bracket that opens the one at `close`, -1 without. */
function backward(line: string, close: number): number {
  let depth = 0;
  for (let i = close; i >= 0; i--) {
    if (line[i] in PAIRS) depth++;
    else if ('([{'.includes(line[i]) && --depth === 0) return i;
  }
  return -1;
}
