/** What commander's options are parsed by. */
import { BadInput } from './errors.ts';

/** Of a flag that may be given several times, each with a comma list. Nothing is no list: without the flag, it is all. */
export function list(flag: string): (value: string, before: readonly string[]) => readonly string[] {
  return (value, before) => {
    const names = value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    if (names.length === 0) throw new BadInput(`${flag} '${value}': a name is needed, or several with commas between.`);
    return [...before, ...names];
  };
}
