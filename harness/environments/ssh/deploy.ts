/** From nothing to a cluster: machines that answer, nothing of the dead in the way, levers tried, nodes set up. */
import type { NodeId } from '../../../history/operation.ts';
import type { Lever } from '../../../nemesis/fault.ts';
import { newRunId } from '../../../results/files.ts';
import type { CleanUp, DeployOptions, NodeSpec, Preparation } from '../environment.ts';
import { removePacked } from '../docker/context.ts';
import { stateOf } from '../docker/owner.ts';
import { shimsFor } from './bundle.ts';
import { BadInput } from '../../errors.ts';
import { SshCluster } from './cluster.ts';
import { diskLevers, lackingFrom, queueLevers, ruleLevers } from './facts.ts';
import { nameOf } from './hosts.ts';
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
  const hosts = hostsFor(choices, nodes);
  removePacked(false);
  const lacking = new Map<Lever, string>();
  const tries = levers.some((lever) => asked.includes(lever));
  const register = new Register(newRunId());
  let clean = true;
  try {
    await each(choices, hosts, async (machine) => {
      const { removed, failures } = await sweep(machine, false);
      if (removed.length > 0) say(`removed what interrupted runs had left on ${machine.name}: ${removed.join(', ')}`);
      for (const failure of failures) say(`an interrupted run's was left: ${failure}`);
      if (failures.length > 0) clean = false;
      machine.mustFit();
      // A harness that is killed now has been there.
      if (tries) register.enter(settings);
      const of = tries ? await tried(machine) : new Map<Lever, string>();
      for (const [lever, why] of of) if (!lacking.has(lever)) lacking.set(lever, `${machine.name}: ${why}`);
    });
  } catch (error) {
    if (error instanceof BadInput) register.leave();
    throw error;
  }
  register.leave();
  if (clean) forget(choices, hosts);
  return lacking;
}

/** Dead runs of this folder that were on these machines only, which have just been swept. */
function forget({ folder }: Choices, hosts: Choices['hosts']): void {
  const swept = new Set(hosts.map(nameOf));
  for (const { run, owner, settings } of abandoned()) {
    if (stateOf(owner) !== 'dead') continue;
    try {
      const then = choicesOf(new Map(Object.entries(settings)));
      if (then.folder === folder && then.hosts.every((host) => swept.has(nameOf(host)))) new Register(run).leave();
    } catch {
      // A list of machines that is not there any more: 'tidemark cleanup' says so.
    }
  }
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

interface Swept {
  /** Names of runs of which all was removed, or would be. */
  readonly removed: readonly string[];
  /** Runs whose harness cannot be seen from here, and may live. */
  readonly spared: readonly string[];
  readonly failures: readonly string[];
}

/** Removes what dead runs have left on a machine. */
async function sweep(machine: Machine, dryRun: boolean): Promise<Swept> {
  const removed: string[] = [];
  const spared: string[] = [];
  const failures: string[] = [];
  if (machine.facts.foreign !== undefined) return { removed, spared, failures };
  for (const { run, alive, ageS, owner } of await machine.runs()) {
    const state = stateOf(owner);
    if (state === 'alive') continue;
    // A dead harness's agent is about to end, if it can.
    if (state === 'unknown' && (alive || ageS < STRANGERS_S)) {
      spared.push(run);
      continue;
    }
    try {
      if (!dryRun) await machine.clear(run);
      removed.push(run);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  return { removed, spared, failures };
}

/** Looks on the machines of runs that were begun in this folder, and on those that are named. */
export async function cleanUp(dryRun: boolean, given: ReadonlyMap<string, string>): Promise<CleanUp> {
  // It may have been killed while it packed for a machine.
  const removed: { kind: string; name: string; run: string }[] = removePacked(dryRun).map((name) => ({
    kind: 'temporary folder',
    name,
    run: '',
  }));
  const failures: string[] = [];
  const places = abandoned().map(({ run, settings }) => ({ run, settings: new Map(Object.entries(settings)) }));
  const named = given.has('hosts') || given.has('hosts-file');
  for (const { run, settings } of [...places, ...(named ? [{ run: undefined, settings: given }] : [])]) {
    let choices: Choices;
    try {
      choices = choicesOf(settings);
    } catch (error) {
      failures.push(`${run === undefined ? '' : `run ${run}: `}${(error as Error).message}`);
      continue;
    }
    const swept = await sweepAll(choices, dryRun);
    for (const one of swept.removed) if (!removed.some(({ name }) => name === one.name)) removed.push(one);
    failures.push(...swept.failures);
    const clean = swept.failures.length === 0 && (run === undefined || !swept.spared.includes(run));
    if (run !== undefined && clean && !dryRun) new Register(run).leave();
  }
  return { removed, failures };
}

async function sweepAll(choices: Choices, dryRun: boolean): Promise<CleanUp & { readonly spared: readonly string[] }> {
  const removed: CleanUp['removed'][number][] = [];
  const spared: string[] = [];
  const failures: string[] = [];
  const ways = new Ways(choices);
  try {
    await Promise.all(
      choices.hosts.map(async (host) => {
        try {
          const machine = await Machine.reach(ways, host, { folder: choices.folder, port: choices.storePort });
          const swept = await sweep(machine, dryRun).finally(() => machine.close());
          for (const run of swept.removed)
            removed.push({ kind: 'folder', name: `${machine.name}:${choices.folder}/${run}`, run });
          spared.push(...swept.spared);
          failures.push(...swept.failures);
        } catch (error) {
          failures.push((error as Error).message);
        }
      }),
    );
  } finally {
    ways.close();
  }
  return { removed, spared, failures };
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
