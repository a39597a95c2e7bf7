/** Values of a bench: a number that nobody else writes, filled up to a size; a history keeps the number alone. */
import type { Value } from '../../history/operation.ts';

export interface Values {
  make(name: number | string): Value;
  /** What a history records of it: the number or name, where the value is whole; all of it, where it is not. */
  recorded(value: Value): Value;
}

/** Of so many bytes; 0: the bare number. */
export function valuesOf(bytes: number): Values {
  if (bytes === 0) return { make: (name) => name, recorded: (value) => value };
  const filling = '.'.repeat(bytes);
  const make = (name: number | string): string => `${name}:${filling}`.slice(0, Math.max(bytes, `${name}:`.length));
  return {
    make,
    recorded: (value) => {
      if (typeof value !== 'string') return value;
      const name = value.slice(0, value.indexOf(':'));
      if (value !== make(name)) return value;
      return /^\d{1,15}$/.test(name) ? Number(name) : name;
    },
  };
}
