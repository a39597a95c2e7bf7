/** What goes to a machine: the store and the agent as built, shims (docker/runtime/shims), and Node where it has none. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asset } from '../../entry.ts';
import { type Context, storeContext } from '../docker/context.ts';
import type { Place } from '../docker/agent/place.ts';
import type { Facts } from './facts.ts';

const FOLDER = 'docker/runtime/shims';
const sources = (): readonly string[] => readdirSync(asset(FOLDER)).filter((name) => /\.[ch]$/.test(name));

/** What is compiled of them, and how. */
const SHIMS = [
  ['-O2', '-o', 'tm-net', 'tm-net.c'],
  ['-O2', '-fPIC', '-shared', '-o', 'tm-io.so', 'tm-io.c'],
  ['-O2', '-fPIC', '-shared', '-o', 'tm-clock.so', 'tm-clock.c'],
] as const;

/** In a folder with the sources. */
export const COMPILE = SHIMS.map((args) => `gcc ${args.join(' ')}`).join(' && ');

export interface Shims {
  readonly context: Context;
  /** Whether they are to be compiled there. */
  readonly compile: boolean;
}

/** Of the shims what can be had on a machine: sources, where it can compile them; ours, where it is like this one. */
export function shimsFor({ has, processor, libc }: Facts): Shims | undefined {
  if (has.has('gcc')) {
    const files = sources().map((name) => [`shims/${name}`, { file: asset(`${FOLDER}/${name}`) }] as const);
    return { context: new Map(files), compile: true };
  }
  if (processor !== process.arch || libc === undefined) return undefined;
  const own = ownShims();
  return own === undefined ? undefined : { context: own, compile: false };
}

let compiled: Context | undefined;

/** Compiled here, once a process. */
function ownShims(): Context | undefined {
  if (compiled !== undefined || process.platform !== 'linux') return compiled;
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-shims-'));
  try {
    const made = SHIMS.every((args) => {
      // Sources are found from where they are, and results go into the folder.
      const given = args.map((arg, i) => (args[i - 1] === '-o' ? join(folder, arg) : arg));
      return spawnSync('gcc', given, { cwd: asset(FOLDER), stdio: 'ignore', timeout: 60_000 }).status === 0;
    });
    const results = SHIMS.map((args) => args[args.indexOf('-o') + 1]);
    if (made) {
      compiled = new Map(results.map((name) => [`shims/${name}`, { text: readFileSync(join(folder, name)) }]));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return compiled;
}

export function bundle(place: Place, shims: Shims | undefined, bringNode: boolean): Context {
  const store = [...storeContext()].filter(([path]) => path !== 'Dockerfile');
  return new Map([
    ...store,
    ...(shims?.context ?? []),
    ...(bringNode ? [['node', { file: process.execPath }] as const] : []),
    ['place.json', { text: JSON.stringify(place) }],
  ]);
}
