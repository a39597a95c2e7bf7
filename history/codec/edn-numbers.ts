/** Numbers as Clojure's reader takes them. */
import type { Value } from '../operation.ts';
import { markInteger } from '../values.ts';

const DECIMAL = /^[+-]?(?:0|[1-9]\d*)N?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([\da-fA-F]+)N?$/;
/** What begins with 0 is octal, or nothing: 08 is no number. */
const OCTAL = /^([+-]?)0(\d+)N?$/;
/** `2r101`. In a radix that has it, N is a digit. */
const OF_RADIX = /^([+-]?)([1-9]\d?)[rR]([\da-zA-Z]+)$/;
const FLOAT = /^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?M?$/;
const RATIO = /^([+-]?\d+)\/(\d+)$/;

/** More of them are no number of a history, and take long to be converted. */
const DIGITS_MAX = 1000;

/**
 * An integer or a fraction; the marked text of one that no double holds (see `markInteger`); a ratio in lowest terms as its
 * text. Undefined: it is no number.
 */
export function numberIn(token: string): Value | undefined {
  if (DECIMAL.test(token)) return numberOf(token);
  const [, sign = '', digits = ''] = HEXADECIMAL.exec(token) ?? [];
  if (digits !== '') return wholeOf(sign, digits, 16);
  const [, octalSign = '', octal = ''] = OCTAL.exec(token) ?? [];
  if (octal !== '') return wholeOf(octalSign, octal, 8);
  if (FLOAT.test(token)) return numberOf(token);
  const [, radixSign = '', radix = '', inRadix = ''] = OF_RADIX.exec(token) ?? [];
  if (inRadix !== '') return wholeOf(radixSign, inRadix, Number(radix));
  const [, over = '', under = ''] = RATIO.exec(token) ?? [];
  return under === '' ? undefined : ratioOf(over, under);
}

function numberOf(token: string): Value {
  const text = token.replace(/^\+|[NM]$/g, '').replace(/^(-?)0+(?=\d)/, '$1');
  const marked = markInteger(text);
  return marked.startsWith('"') ? (JSON.parse(marked) as string) : Number(text) + 0;
}

function wholeOf(sign: string, digits: string, radix: number): Value | undefined {
  if (digits.length > DIGITS_MAX || radix < 2 || radix > 36) return undefined;
  let number = 0n;
  for (const character of digits) {
    const digit = Number.parseInt(character, 36);
    if (digit >= radix) return undefined;
    number = number * BigInt(radix) + BigInt(digit);
  }
  return numberOf(`${sign}${number}`);
}

function ratioOf(over: string, under: string): Value | undefined {
  if (over.length + under.length > DIGITS_MAX || /^0+$/.test(under)) return undefined;
  const [numerator, denominator] = [BigInt(over), BigInt(under)];
  let [divisor, rest] = [numerator < 0n ? -numerator : numerator, denominator];
  while (rest !== 0n) [divisor, rest] = [rest, divisor % rest];
  const text = String(numerator / divisor);
  return denominator === divisor ? numberOf(text) : `${text}/${denominator / divisor}`;
}
