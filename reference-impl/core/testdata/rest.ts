/** Clusters that are brought to rest step by step, for tests that say by hand what happens then. */
import { Cluster, timings } from './cluster.ts';
import type { Letter } from './cluster.ts';

const STEPS_MAX = 10_000;

/** Delivers and syncs until nothing moves; what is cut, or goes to a node that is down, is lost. */
export function quiesce(cluster: Cluster, cut: (letter: Letter) => boolean = () => false): void {
  for (let i = 0; i < STEPS_MAX; i++) {
    const letter = cluster.letters[0];
    if (letter !== undefined) {
      if (cluster.isUp(letter.to) && !cut(letter)) cluster.deliver(letter);
      else cluster.drop(letter);
      continue;
    }
    const dirty = [...cluster.machines.values()].find((machine) => machine.unsynced.length > 0);
    if (dirty === undefined) return;
    cluster.sync(dirty.id);
  }
  throw new Error('does not come to rest');
}

/** n1 leads in term 1. */
export function elected(
  ids: readonly string[] = ['n1', 'n2', 'n3'],
  config: ConstructorParameters<typeof Cluster>[1] = timings,
): Cluster {
  const cluster = new Cluster(ids, config);
  cluster.startAll();
  cluster.nowMs = 400;
  cluster.fire('n1', 'election');
  quiesce(cluster);
  return cluster;
}
