/** What `--set` may change in stores that are not ours. */
import { BadInput } from '../errors.ts';
import { checkImageName, type Setting } from '../setting.ts';

export type Settings = ReadonlyMap<string, string>;

export interface Known<T> extends Setting {
  /** The value given, or the default. */
  of(given: Settings): T;
}

export const aboutImage = "Debian's package, or an image of your own";

export const imageSetting: Setting = {
  name: 'image',
  about: 'an image of your own with the store in it, Debian 12 or like it',
  check: (value) => checkImageName('image', value),
};

export function wholeNumber(name: string, initial: number, least: number, most: number, about: string): Known<number> {
  return {
    name,
    about: `${about} (default ${initial})`,
    check(value) {
      const n = Number(value);
      if (!/^\d{1,7}$/.test(value) || n < least || n > most)
        throw new BadInput(`--set ${name}=${value}: a whole number from ${least} to ${most} is needed.`);
    },
    of: (given) => Number(given.get(name) ?? initial),
  };
}

/** The first value is the default. */
export function oneOf<T extends string>(name: string, values: readonly [T, ...T[]], about: string): Known<T> {
  return {
    name,
    about: `${about}: ${values.join(', ')} (default ${values[0]})`,
    values: values.map((value) => ({ name: value, about: '' })),
    check(value) {
      if (!values.some((one) => one === value))
        throw new BadInput(`--set ${name}=${value}: one of ${values.join(', ')} is needed.`);
    },
    of: (given) => (given.get(name) ?? values[0]) as T, // checked
  };
}
