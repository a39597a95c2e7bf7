/** What killed harnesses have left on an engine, told from what others are using; see owner.ts. */
import { millisecondsOf, wallTime } from '../../../history/clock.ts';
import { removeContainer, removeNetwork, removeVolume } from './container.ts';
import type { Engine } from './engine.ts';
import { labels, stateOf } from './owner.ts';

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
  const all = await objects(engine);
  return [...new Set(all.map(({ owner }) => owner))].flatMap((owner) => {
    const found = all.filter((one) => one.owner === owner);
    const state = stateOf(owner);
    // Its containers end with it.
    const abandoned = found.every(({ running, createdMs }) => !running && nowMs - createdMs > STRANGERS_MS);
    return state === 'dead' || (state === 'unknown' && abandoned) ? found : [];
  });
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
