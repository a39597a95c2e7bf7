/** Machines for killed runs: containers that run sshd, made for this and removed with it. Rules, folders and processes are looked for there. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { flags, killAgents, machines, traces } from '../../harness/environments/ssh/testing-machines.ts';
import { Engine } from '../../harness/environments/docker/engine.ts';
import type { Ground } from './ground.ts';
import { FAULTS, type Line, listing, Marks } from './listing.ts';

export async function sshGround(nodes: number, folder: string, temporary: string): Promise<Ground> {
  const engine = await Engine.reach();
  const all = await machines(nodes);
  for (const i of all.names.keys()) all.on(i, 'ln', '-s', '/opt/node-of-others/node', '/usr/local/bin/node');
  const marks = new Marks(folder);
  const there = (): readonly Line[] =>
    all.names.flatMap((name, i) =>
      traces(all, i)
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => ({ kind: `${kindOf(text)} of a machine`, text: `${text} on ${name}` })),
    );
  return {
    flags: ['--env', 'ssh', ...flags(all.settings('tide'))],
    learn: async () => undefined,
    all: async () => [...(await listing(engine, temporary)), ...there()],
    // What is on the machines is all of runs of ours, whatever their names.
    left: async () => [...marks.of(await listing(engine, temporary)), ...there(), ...registered(folder)],
    within: async () => there().filter(({ text }) => FAULTS.test(text)),
    killAgents: async () => {
      for (const i of all.names.keys()) killAgents(all, i);
    },
    remove: async () => all.remove(),
  };
}

/** Where `tidemark cleanup` would look: gone with what it is about. */
function registered(folder: string): readonly Line[] {
  const register = join(folder, '.tidemark', 'ssh');
  return (existsSync(register) ? readdirSync(register) : []).map((text) => ({ kind: 'entry of the register', text }));
}

function kindOf(trace: string): string {
  if (/^[-:]/.test(trace)) return 'rule';
  return trace.startsWith('/var/tmp/tidemark') && !trace.includes(' ') ? 'folder' : 'process';
}
