/** What fields of a plan file may hold. Every mistake says what would be right. */
import { z } from 'zod';
import { MILLISECOND } from '../../history/clock.ts';
import { unknownName } from '../errors.ts';
import { nanosecondsOf, timeText } from '../times.ts';

const DAY_NS = 24 * 3_600_000 * MILLISECOND;

function shown(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** For zod: the same sentence for whatever is wrong with a value. */
export function needed(what: string): { readonly error: (issue: { readonly input?: unknown }) => string } {
  return {
    error: ({ input }) =>
      `${what} is needed${input === undefined ? '' : `, not ${input === null ? 'nothing' : shown(input)}`}.`,
  };
}

export function whole(least: number, most: number): z.ZodType<number> {
  const said = needed(`a whole number from ${least} to ${most}`);
  return z.int(said).min(least, said).max(most, said);
}

/** In nanoseconds. */
export function time(leastNs: number, mostNs = DAY_NS): z.ZodType<number> {
  const said = needed(`a time from ${timeText(leastNs)} to ${timeText(mostNs)}, such as 1500ms, 60s or 5m,`);
  return z
    .string(said)
    .refine((text) => {
      const ns = nanosecondsOf(text);
      return ns !== undefined && ns >= leastNs && ns <= mostNs;
    }, said)
    .transform((text) => nanosecondsOf(text) ?? 0);
}

export function name(
  what: string,
  names: Iterable<string>,
  also: (name: string) => boolean = () => false,
): z.ZodType<string> {
  const valid = [...names];
  return z.string(needed(`the name of a ${what}`)).refine((text) => valid.includes(text) || also(text), {
    error: ({ input }) => unknownName(what, String(input), valid).message,
  });
}

/** One, several with commas between, or a list. */
export function several<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  const listed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value;
    return typeof value === 'string' ? value.split(',').map((part) => part.trim()) : [value];
  };
  return z.preprocess(listed, z.array(item).min(1, needed('a value, or a list of values,')));
}

/** A map that has no other fields than these. */
export function fields<S extends z.ZodRawShape>(what: string, shape: S): z.ZodObject<S, z.core.$strict> {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownName('field', key, names).message).join('\n')
        : needed(`a map of ${what}`).error(issue),
  });
}

export const yes: z.ZodType<boolean> = z.boolean(needed('true or false'));

/** From names to values, as `--set` and `--label` take them. */
export const pairs: z.ZodType<Record<string, string>> = z.record(
  z.string(),
  z
    .union([z.string(), z.number(), z.boolean()], needed('a text, a number, true or false'))
    .transform((value) => String(value)),
  needed('a map from names to values'),
);
