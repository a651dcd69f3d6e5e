/**
 * A strict JSON reader (RFC 8259) for headers. Unlike JSON.parse it refuses duplicate keys and unpaired surrogates,
 * keeps integers exact, and bounds the nesting, as the reference implementation does.
 */
import { SafetensorsError } from './errors.ts';

/**
 * A JSON value. Integers beyond 2^53 are bigints. Numbers with a fraction, an exponent or the value -0 come out as
 * NaN: no field of a header may hold one.
 */
export type Json = null | boolean | number | bigint | string | Json[] | JsonObject;
export type JsonObject = Map<string, Json>;

/** How many objects and arrays may be within one another: as many as serde_json, the reference's reader, takes. */
const DEEPEST = 127;

const WHITESPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const LITERAL = /true|false|null/y;
const PLAIN_CHARACTERS = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))/y;
const UNESCAPED: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * Reads one JSON document.
 *
 * @throws SafetensorsError `INVALID_JSON`, or `DUPLICATE_KEY` when an object has a key twice.
 */
export function parseJson(text: string): Json {
  let position = 0;

  const fail = (problem: string): SafetensorsError =>
    new SafetensorsError(
      'INVALID_JSON',
      `the header is not JSON: ${problem} at character ${position}; the file is damaged or of another format`,
    );

  function match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = position;
    const found = pattern.exec(text);
    if (found) position += found[0].length;
    return found;
  }

  /** Skips whitespace, then takes `character` if it is next. */
  function take(character: string): boolean {
    match(WHITESPACE);
    if (text[position] !== character) return false;
    position++;
    return true;
  }

  function expect(character: string): void {
    if (!take(character)) throw fail(`expected '${character}'`);
  }

  function value(depth: number): Json {
    if (take('{')) return object(depth + 1);
    if (take('[')) return array(depth + 1);
    if (text[position] === '"') return string();
    const literal = match(LITERAL)?.[0];
    if (literal !== undefined) return literal === 'null' ? null : literal === 'true';
    return number();
  }

  function object(depth: number): JsonObject {
    if (depth > DEEPEST) throw fail('nested too deeply');
    const members: JsonObject = new Map();
    if (take('}')) return members;
    do {
      match(WHITESPACE);
      const key = string();
      if (members.has(key)) {
        throw new SafetensorsError(
          'DUPLICATE_KEY',
          `the header has the key ${JSON.stringify(key)} twice: which of the two is meant cannot be known`,
        );
      }
      expect(':');
      members.set(key, value(depth));
    } while (take(','));
    expect('}');
    return members;
  }

  function array(depth: number): Json[] {
    if (depth > DEEPEST) throw fail('nested too deeply');
    const elements: Json[] = [];
    if (take(']')) return elements;
    do elements.push(value(depth));
    while (take(','));
    expect(']');
    return elements;
  }

  function string(): string {
    if (text[position] !== '"') throw fail('expected a string');
    position++;
    let characters = match(PLAIN_CHARACTERS)![0];
    while (text[position] !== '"') {
      const escape = match(ESCAPE);
      if (!escape) throw fail('unterminated string, control character or unknown escape');
      characters += escape[1] === undefined ? UNESCAPED[escape[2]!]! : codeUnit(escape[1]);
      characters += match(PLAIN_CHARACTERS)![0];
    }
    position++;
    return characters;
  }

  /** The character of a \uXXXX escape; a high surrogate must be followed by the escape of its low one. */
  function codeUnit(hex: string): string {
    const unit = parseInt(hex, 16);
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    const low = unit < 0xdc00 ? match(ESCAPE)?.[1] : undefined;
    const lowUnit = low === undefined ? 0 : parseInt(low, 16);
    if (lowUnit < 0xdc00 || lowUnit > 0xdfff) throw fail('unpaired surrogate escape');
    return String.fromCharCode(unit, lowUnit);
  }

  function number(): number | bigint {
    const found = match(NUMBER);
    if (!found) throw fail('expected a value');
    if (found[1] !== undefined || found[2] !== undefined || found[0] === '-0') return NaN;
    const integer = Number(found[0]);
    return Number.isSafeInteger(integer) ? integer : exactInteger(found[0]);
  }

  /** Cut at 22 digits, which exceeds 64 bits as much as a million do: BigInt reads long numbers in quadratic time. */
  function exactInteger(digits: string): bigint {
    return BigInt(digits.slice(0, 22));
  }

  const root = value(0);
  match(WHITESPACE);
  if (position < text.length) throw fail('unexpected text');
  return root;
}
