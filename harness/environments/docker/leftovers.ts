/** What killed harnesses have left on an engine, told from what others are using; see owner.ts. */
import { millisecondsOf, wallTime } from '../../../history/clock.ts';
import { removeContainer, removeNetwork, removeVolume } from './container.ts';
import type { Engine } from './engine.ts';
import { isDead, labels, ownerMark, stateOf } from './owner.ts';

/** What may belong to a harness that cannot be seen from here is left alone for so long, for it may be making its cluster. */
const STRANGERS_MS = 600_000;

export interface Leftover {
  readonly kind: 'container' | 'volume' | 'network';
  readonly name: string;
  readonly run: string;
}

interface Found extends Leftover {
  readonly owner: string;
  readonly createdMs: number;
  readonly running: boolean;
}

/** Objects of ours whose harness is gone, in the order in which they can be removed. */
export async function leftovers(engine: Engine, nowMs: number = wallTime().getTime()): Promise<readonly Leftover[]> {
  const [all, projects] = await Promise.all([objects(engine), ofProjects(engine)]);
  const ours = [...new Set(all.map(({ owner }) => owner))].flatMap((owner) => {
    const found = all.filter((one) => one.owner === owner);
    const state = stateOf(owner);
    // Its containers end with it.
    const abandoned = found.every(({ running, createdMs }) => !running && nowMs - createdMs > STRANGERS_MS);
    return state === 'dead' || (state === 'unknown' && abandoned) ? found : [];
  });
  return [...ours, ...projects.filter(({ mark }) => isDead(mark))];
}

/** What Compose puts on all that it makes. */
export const PROJECT_LABEL = 'com.docker.compose.project';

/** By which all that Compose makes for a run of this process is known: nothing of ours need be in the user's file. */
export function projectName(run: string): string {
  return `tidemark-${run.toLowerCase().replace(/[^a-z0-9-]/g, '-')}-${ownerMark()}`;
}

interface OfProject extends Leftover {
  readonly project: string;
  /** As {@link ownerMark} made it. */
  readonly mark: string;
}

/** Everything that Compose made for some harness. */
async function ofProjects(engine: Engine): Promise<readonly OfProject[]> {
  const { docker } = engine;
  const filters = { label: [PROJECT_LABEL] };
  const [containers, volumes, networks] = await Promise.all([
    engine.ask('listing containers', (abortSignal) => docker.listContainers({ all: true, filters, abortSignal })),
    engine.ask('listing volumes', (abortSignal) => docker.listVolumes({ filters, abortSignal })),
    engine.ask('listing networks', (abortSignal) => docker.listNetworks({ filters, abortSignal })),
  ]);
  const of = (kind: Leftover['kind'], name: string, given?: Readonly<Record<string, string>> | null): OfProject[] => {
    const project = given?.[PROJECT_LABEL] ?? '';
    const [, run, mark] = /^tidemark-(.+)-([0-9a-f]{8}-\d+-\d+)$/.exec(project) ?? [];
    return run === undefined || mark === undefined ? [] : [{ kind, name, run, project, mark }];
  };
  return [
    ...containers.flatMap(({ Names, Labels }) => of('container', Names[0].replace(/^\//, ''), Labels)),
    ...volumes.Volumes.flatMap(({ Name, Labels }) => of('volume', Name, Labels)),
    ...networks.flatMap(({ Name, Labels }) => of('network', Name, Labels)),
  ];
}

/** Everything of one of Compose's projects, without Compose. */
export async function removeProject(engine: Engine, name: string): Promise<readonly string[]> {
  const own = (await ofProjects(engine)).filter(({ project }) => project === name);
  return (await removeLeftovers(engine, own)).failures;
}

/** Removes them; resolves with what is gone and with sentences of what could not be removed. */
export async function removeLeftovers(
  engine: Engine,
  found: readonly Leftover[],
): Promise<{ readonly removed: readonly Leftover[]; readonly failures: readonly string[] }> {
  const removed: Leftover[] = [];
  const failures: string[] = [];
  for (const kind of ['container', 'volume', 'network'] as const) {
    await Promise.all(
      found
        .filter((one) => one.kind === kind)
        .map(async (one) => {
          try {
            await removers[kind](engine, one.name);
            removed.push(one);
          } catch (error) {
            failures.push((error as Error).message);
          }
        }),
    );
  }
  return { removed, failures };
}

/** Before the first run of a command: `say` is told what went, and what could not be removed. */
export async function removeDead(engine: Engine, say: (line: string) => void): Promise<void> {
  const { removed, failures } = await removeLeftovers(engine, await leftovers(engine));
  const runs = [...new Set(removed.map(({ run }) => run))];
  if (runs.length > 0) say(`removed what interrupted runs had left: ${runs.join(', ')}`);
  for (const failure of failures) say(`an interrupted run's was left: ${failure}`);
}

/** Everything of one run, whoever it belongs to. */
export async function removeRun(engine: Engine, run: string): Promise<readonly string[]> {
  const all = await objects(engine);
  return (
    await removeLeftovers(
      engine,
      all.filter((one) => one.run === run),
    )
  ).failures;
}

const removers = { container: removeContainer, volume: removeVolume, network: removeNetwork } as const;

async function objects(engine: Engine): Promise<readonly Found[]> {
  const { docker } = engine;
  const filters = { label: [labels.run] };
  const [containers, volumes, networks] = await Promise.all([
    engine.ask('listing containers', (abortSignal) => docker.listContainers({ all: true, filters, abortSignal })),
    engine.ask('listing volumes', (abortSignal) => docker.listVolumes({ filters, abortSignal })),
    engine.ask('listing networks', (abortSignal) => docker.listNetworks({ filters, abortSignal })),
  ]);
  const of = (given: Readonly<Record<string, string>> | undefined | null): Pick<Found, 'run' | 'owner'> => ({
    run: given?.[labels.run] ?? '',
    owner: given?.[labels.owner] ?? '',
  });
  return [
    ...containers.map(
      ({ Names, Labels, Created, State }): Found => ({
        kind: 'container',
        name: Names[0].replace(/^\//, ''),
        ...of(Labels),
        createdMs: Created * 1000,
        running: State === 'running' || State === 'paused',
      }),
    ),
    ...volumes.Volumes.map(
      (volume): Found => ({
        kind: 'volume',
        name: volume.Name,
        ...of(volume.Labels),
        createdMs: millisecondsOf((volume as { readonly CreatedAt?: string }).CreatedAt ?? ''), // not typed
        running: false,
      }),
    ),
    ...networks.map(
      ({ Name, Labels, Created }): Found => ({
        kind: 'network',
        name: Name,
        ...of(Labels),
        createdMs: millisecondsOf(Created),
        running: false,
      }),
    ),
  ];
}
