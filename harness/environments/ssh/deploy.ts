/** From nothing to a cluster: machines that answer, nothing of the dead in the way, levers tried, nodes set up. */
import type { NodeId } from '../../../history/operation.ts';
import type { Lever } from '../../../nemesis/fault.ts';
import { newRunId } from '../../../results/files.ts';
import type { CleanUp, DeployOptions, NodeSpec, Preparation } from '../environment.ts';
import { stateOf } from '../docker/owner.ts';
import { shimsFor } from './bundle.ts';
import { SshCluster } from './cluster.ts';
import { diskLevers, lackingFrom, queueLevers, ruleLevers } from './facts.ts';
import { Machine } from './machine.ts';
import { abandoned, Register } from './register.ts';
import { type Choices, choicesOf, hostsFor } from './settings.ts';
import { Ways } from './ways.ts';

/** A run that is being set up by a harness that cannot be seen from here has no agent yet. */
const STRANGERS_S = 600;
/** Levers that need more of a machine than a node does. */
const asked: readonly Lever[] = [...ruleLevers, ...queueLevers, 'clock', ...diskLevers];

type Say = (line: string) => void;

export async function prepare({ settings, levers, nodes }: Preparation, say: Say): Promise<ReadonlyMap<Lever, string>> {
  const choices = choicesOf(settings);
  const lacking = new Map<Lever, string>();
  await each(choices, hostsFor(choices, nodes), async (machine) => {
    const { removed, failures } = await sweep(machine, false);
    if (removed.length > 0) say(`removed what interrupted runs had left on ${machine.name}: ${removed.join(', ')}`);
    for (const failure of failures) say(`an interrupted run's was left: ${failure}`);
    machine.mustFit();
    const of = levers.some((lever) => asked.includes(lever)) ? await tried(machine) : new Map<Lever, string>();
    for (const [lever, why] of of) if (!lacking.has(lever)) lacking.set(lever, `${machine.name}: ${why}`);
  });
  return lacking;
}

export async function deploy(nodes: ReadonlyMap<NodeId, NodeSpec>, options: DeployOptions): Promise<SshCluster> {
  return SshCluster.deploy(nodes, options);
}

/** What a machine lacks: told from what it has, then tried on its kernel. */
async function tried(machine: Machine): Promise<ReadonlyMap<Lever, string>> {
  const shims = shimsFor(machine.facts);
  const lacking = new Map(lackingFrom(machine.facts, shims !== undefined));
  if (shims === undefined && lacking.has('cut')) return lacking;
  const lacks = (levers: readonly Lever[], why: string | undefined): void => {
    if (why !== undefined) for (const lever of levers) if (!lacking.has(lever)) lacking.set(lever, why);
  };
  const run = newRunId();
  try {
    await machine.unpack(run, new Map([...(shims?.context ?? []), ['place.json', { text: '{}' }] as const]));
    if (shims?.compile === true) {
      const compiled = machine.compile(run);
      lacks(
        [...queueLevers, 'clock', ...diskLevers],
        await compiled.then(
          () => undefined,
          (error: Error) => error.message,
        ),
      );
    }
    const said = await machine.tried(run);
    const unloaded = (what: string): string | undefined =>
      said.has(what) ? `its Node does not load the shim: ${said.get(what)}` : undefined;
    lacks(['clock'], unloaded('clock'));
    lacks(diskLevers, unloaded('disk'));
    lacks([...ruleLevers, ...queueLevers], said.get('cut') ?? said.get('busy'));
    lacks(queueLevers, said.has('shape') ? `NFQUEUE does not work: ${said.get('shape')}` : undefined);
    return lacking;
  } finally {
    await machine.clear(run);
  }
}

/** What dead runs have left on a machine: names of what was removed, or would be. */
async function sweep(
  machine: Machine,
  dryRun: boolean,
): Promise<{ readonly removed: string[]; readonly failures: string[] }> {
  const removed: string[] = [];
  const failures: string[] = [];
  if (machine.facts.foreign !== undefined) return { removed, failures };
  for (const { run, alive, ageS, owner } of await machine.runs()) {
    const state = stateOf(owner);
    // A dead harness's agent is about to end, if it can.
    if (state === 'alive' || (state === 'unknown' && (alive || ageS < STRANGERS_S))) continue;
    try {
      if (!dryRun) await machine.clear(run);
      removed.push(run);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  return { removed, failures };
}

/** Looks on the machines of runs that were begun in this folder. */
export async function cleanUp(dryRun: boolean): Promise<CleanUp> {
  const removed: { kind: string; name: string; run: string }[] = [];
  const failures: string[] = [];
  for (const { run, settings } of abandoned()) {
    const choices = choicesOf(new Map(Object.entries(settings)));
    const ways = new Ways(choices);
    let clean = true;
    try {
      await Promise.all(
        choices.hosts.map(async (host) => {
          try {
            const machine = await Machine.reach(ways, host, { folder: choices.folder, port: choices.storePort });
            const swept = await sweep(machine, dryRun).finally(() => machine.close());
            for (const one of swept.removed)
              removed.push({ kind: 'folder', name: `${machine.name}:${choices.folder}/${one}`, run: one });
            failures.push(...swept.failures);
            clean &&= swept.failures.length === 0;
          } catch (error) {
            clean = false;
            failures.push((error as Error).message);
          }
        }),
      );
    } finally {
      ways.close();
    }
    if (clean && !dryRun) new Register(run).leave();
  }
  return { removed, failures };
}

/** Does something to every machine; the first failure is thrown once all have ended. */
async function each(
  choices: Choices,
  hosts: Choices['hosts'],
  work: (machine: Machine) => Promise<void>,
): Promise<void> {
  const ways = new Ways(choices);
  try {
    const done = await Promise.allSettled(
      hosts.map(async (host) => {
        const machine = await Machine.reach(ways, host, { folder: choices.folder, port: choices.storePort });
        await work(machine).finally(() => machine.close());
      }),
    );
    for (const one of done) if (one.status === 'rejected') throw one.reason;
  } finally {
    ways.close();
  }
}
