/**
 * Where things lie in the package, from sources (under vitest) and from dist alike.
 *
 * Workers and child processes always run from dist: Node 20 does not load TypeScript. `npm test` builds before it runs.
 */
import { fileURLToPath } from 'node:url';

const fromSources = import.meta.url.endsWith('.ts');

/** The package's folder: the one with package.json. */
const root = new URL(fromSources ? '../' : '../../', import.meta.url);

/** The folder that holds our modules now: the package's folder under vitest, dist otherwise. */
export const modules: string = fileURLToPath(fromSources ? root : new URL('dist/', root));

/** The built module for a source, for `new Worker(…)` and `node …`: `entry('harness/judge-worker')`. */
export function entry(name: string): string {
  return fileURLToPath(new URL(`dist/${name}.js`, root));
}

/** A file that is no code, by its path in the package: `asset('results/schema/001.sql')`. */
export function asset(path: string): string {
  return fileURLToPath(new URL(path, root));
}
