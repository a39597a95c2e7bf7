/** Whether the paths that a policy's limits name are any that will be measured: a limit on none holds nothing to anything. */
import { unknownName } from '../errors.ts';
import { loadSystems } from '../plugins.ts';

/** Options of a policy's `bench` or `run`, as they are written there. */
export type Given = Readonly<Record<string, unknown>>;

/** What decides the system, and is read by nobody before the run itself. */
const ELSEWHERE = ['plan', 'plugin', 'driver', 'endpoint', 'compose'];

/**
 * A sentence for a path that cannot be measured; undefined for one that can, or where only the run will tell. `command` is `bench` or `run`.
 */
export async function pathsOf(command: string, given: Given): Promise<(path: string) => string | undefined> {
  const name = given['system'] ?? 'reference';
  const system = typeof name === 'string' ? (await loadSystems()).get(name) : undefined;
  if (system === undefined || name === 'driver' || ELSEWHERE.some((option) => given[option] !== undefined))
    return () => undefined;
  const known = [...system.readPaths, ...system.writePaths].map((one) => one.name);
  const reads = namesOf(given['read-path']);
  const writes = namesOf(given['write-path']);
  return (path) => {
    const bare = command === 'bench' ? path.replace(/@.*/, '') : path;
    const isWrite = system.writePaths.some((one) => one.name === bare);
    if (!known.includes(bare) && system.readPathNamed?.(bare) === undefined)
      return unknownName('path', path, [...new Set([...reads, ...known])]).message;
    const [option, asked] = isWrite ? (['write-path', writes] as const) : (['read-path', reads] as const);
    const isLeftOut = asked.length > 0 && !asked.includes(path) && !(isWrite && reads.includes(path));
    return isLeftOut ? `'${path}' is not measured: ${command}.${option} has ${asked.join(', ')}.` : undefined;
  };
}

function namesOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === 'string' ? value.split(',').map((one) => one.trim()) : [];
}
