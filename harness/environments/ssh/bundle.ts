/** What goes to a machine: the store and the agent as built, shims, and Node where it has none. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asset } from '../../entry.ts';
import { type Context, storeContext } from '../docker/context.ts';
import type { Place } from '../docker/agent/place.ts';
import type { Facts } from './facts.ts';

const SOURCES = ['tm-net.c', 'tm-io.c', 'tm-journal.h'] as const;

export interface Shims {
  readonly context: Context;
  /** Whether they are to be compiled there. */
  readonly compile: boolean;
}

/** Of the shims what can be had on a machine: sources, where it can compile them; ours, where it is like this one. */
export function shimsFor({ has, processor, libc }: Facts): Shims | undefined {
  if (has.has('gcc')) {
    const files = SOURCES.map((name) => [`shims/${name}`, { file: asset(`docker/runtime/shims/${name}`) }] as const);
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
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const source = (name: string): string => asset(`docker/runtime/shims/${name}`);
  const [net, io] = [join(folder, 'tm-net'), join(folder, 'tm-io.so')];
  const made = [
    ['-O2', '-o', net, source('tm-net.c')],
    ['-O2', '-fPIC', '-shared', '-o', io, source('tm-io.c')],
  ].every((args) => spawnSync('gcc', args, { stdio: 'ignore', timeout: 60_000 }).status === 0);
  if (made)
    compiled = new Map([
      ['shims/tm-net', { file: net }],
      ['shims/tm-io.so', { file: io }],
    ]);
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
