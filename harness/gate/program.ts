/**
 * Which Tidemark runs a side: that of its own folder, where it has one. A revision of a repository that holds Tidemark, or depends on it,
 * is only run when its own is: another one's, started there, would measure itself twice.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { asset } from '../entry.ts';
import { BadInput } from '../errors.ts';

export interface Program {
  /** What is started, and its first arguments. */
  readonly words: readonly [string, ...string[]];
  /** Whose it is, for a reader: `bin/tidemark.mjs of its own`. */
  readonly about: string;
  /** Whether it is the caller's, for want of another. */
  readonly isCallers: boolean;
}

/**
 * Of the folder, or of the nearest one above it in its repository. Throws {@link BadInput} where that is Tidemark's own, and the program that
 * its package names is not there.
 */
export function programIn(folder: string, side: string): Program {
  for (const one of upwards(folder)) {
    const found = programOf(one, side);
    if (found !== undefined) return found;
  }
  return {
    words: [process.execPath, asset('bin/tidemark.mjs')],
    about: 'the Tidemark that this gate is part of, since its folder has none',
    isCallers: true,
  };
}

/** Up to the top of the repository; outside of one, the folder alone. */
function upwards(folder: string): readonly string[] {
  const some: string[] = [];
  for (let one = resolve(folder); ; one = dirname(one)) {
    some.push(one);
    if (existsSync(join(one, '.git'))) return some;
    if (dirname(one) === one) return [resolve(folder)];
  }
}

function programOf(folder: string, side: string): Program | undefined {
  const own = binOf(folder);
  if (own !== undefined) {
    const path = join(folder, own);
    if (!existsSync(path))
      throw new BadInput(
        `The ${side} cannot be run: package.json in ${folder} is Tidemark's, and its program ${own} is not there.`,
      );
    return { words: [process.execPath, path], about: `${own} of its own`, isCallers: false };
  }
  const installed = join(folder, 'node_modules', '.bin', 'tidemark');
  if (existsSync(installed))
    return { words: [installed], about: 'node_modules/.bin/tidemark of its own', isCallers: false };
  return undefined;
}

/** Undefined unless the package there is Tidemark itself. */
function binOf(folder: string): string | undefined {
  let stated: { readonly name?: unknown; readonly bin?: unknown };
  try {
    stated = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as typeof stated; // looked at below
  } catch {
    return undefined; // none, or not one that npm would read
  }
  if (stated?.name !== 'tidemark') return undefined;
  const bin = typeof stated.bin === 'object' && stated.bin !== null ? (stated.bin as Record<string, unknown>) : {};
  const path = typeof stated.bin === 'string' ? stated.bin : bin['tidemark'];
  return typeof path === 'string' ? path : undefined;
}
