/** JSON whose integers stay exact. */
import { InputError } from '../shell/exit.ts';

/** Texts of a JSON document and its numbers, in their order. */
const TEXT_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
/** The one member of an object that stands for an integer; no document has it, as JSON escapes such characters. */
const INTEGER = '\u0000integer';

const isWide = (token: string): boolean => /^-?[1-9]\d*$/.test(token) && !Number.isSafeInteger(Number(token));

/** Parses a document; integers that a double cannot hold become texts, which are read digit by digit. @param source named in errors */
export function parseJson(source: string, text: string): unknown {
  return parse(
    source,
    text.replace(TEXT_OR_NUMBER, (token) => (isWide(token) ? `"${token}"` : token)),
  );
}

/** Parses a document; integers that a double cannot hold become bigints. @param source named in errors */
export function parseExact(source: string, text: string): unknown {
  const marked = text.replace(TEXT_OR_NUMBER, (token) => (isWide(token) ? `{"\\u0000integer":"${token}"}` : token));
  return parse(source, marked, (_, value: unknown) => revive(value));
}

function parse(source: string, text: string, reviver?: (key: string, value: unknown) => unknown): unknown {
  try {
    return JSON.parse(text, reviver) as unknown;
  } catch (e) {
    throw new InputError(source, `no JSON: ${(e as Error).message}`);
  }
}

function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, INTEGER)) return value;
  const digits = (value as Record<string, unknown>)[INTEGER];
  return typeof digits === 'string' && /^-?\d+$/.test(digits) ? BigInt(digits) : value;
}
