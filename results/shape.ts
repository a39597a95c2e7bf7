/**
 * Shapes that values out of a file must have, put together of smaller ones: what is wrong, where, and what would be right. What is not
 * named may be there too, and is let be: a later version may have put it there.
 */

/** What is wrong, and at which path; undefined where nothing is. Paths hold no names out of the file: those may be anything. */
export type Check = (value: unknown, path: string) => Wrong | undefined;

export interface Wrong {
  readonly path: string;
  /** What would be right there. */
  readonly due: string;
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function is(due: string, holds: (value: unknown) => boolean): Check {
  return (value, path) => (holds(value) ? undefined : { path, due });
}

export function oneOf(...known: readonly (string | number)[]): Check {
  const due = known.length === 1 ? `${known[0]}` : `${known.slice(0, -1).join(', ')} or ${known.at(-1)}`;
  return is(due, (value) => (known as readonly unknown[]).includes(value));
}

export function optional(check: Check): Check {
  return (value, path) => (value === undefined ? undefined : check(value, path));
}

export const list: Check = is('a list', Array.isArray);

export function listOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return list(value, path);
    for (const [i, one] of value.entries()) {
      const wrong = check(one, `${path}[${i}]`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

/** All fields of a type, those too that may be absent. */
export type Fields<T> = { readonly [Name in keyof T]-?: Check };

export function map(fields: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(fields);
  return (value, path) => {
    if (!isMap(value)) return aMap(value, path);
    for (const [name, check] of entries) {
      const wrong = check(value[name], path === '' ? name : `${path}.${name}`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

export const text = is('a text', (value) => typeof value === 'string');
export const yesOrNo = is('true or false', (value) => typeof value === 'boolean');
export const aMap = is('a map', isMap);
/** JSON has numbers beyond those of JavaScript: `1e999`. */
export const aNumber = is('a number', Number.isFinite);
/** Times and spans of time, too: nanoseconds. */
export const figure = is('a number, not below 0', (value) => Number.isFinite(value) && (value as number) >= 0);
export const whole = is('a whole number', Number.isSafeInteger);
export const count = is(
  'a whole number, not below 0',
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
);
export const textOrNumber = is('a text or a number', (value) => typeof value === 'string' || Number.isFinite(value));
export const anything: Check = () => undefined;

export function mapOf(due: string, check: Check): Check {
  return is(due, (value) => isMap(value) && Object.values(value).every((one) => check(one, '') === undefined));
}

export const texts = mapOf('a map of texts', text);
export const numbers = mapOf('a map of numbers', aNumber);
