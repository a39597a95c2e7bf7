/**
 * Chains: a successful cas stands directly after the cluster of the value it replaced, so clusters joined by cas form one
 * block. Inside a block the order is given, and time must agree with it; between blocks the zone rules decide.
 */
import { NEVER, NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import type { Clusters, Findings } from './clusters.ts';
import { SWAPS, reference } from './register.ts';
import type { RegisterReading } from './register.ts';
import type { Survey } from './survey.ts';
import type { Blocks } from './zones.ts';

export interface Chains extends Blocks {
  /** The clusters of the block that begins with this cluster, in order. */
  chain(root: number): readonly number[];
  /** Per cluster: its own latest call. */
  readonly ownLast: Int32Array;
}

/** Without cas, every cluster is its own block. */
export function singleClusters(clusters: Clusters): Chains {
  const { first, last, repeated } = clusters;
  return { first, last, ownLast: last, skip: repeated, chain: (root) => [root] };
}

/** An indeterminate cas is taken to have happened iff its value was found, by a read or by another cas that happened. */
export function joinChains(
  history: History,
  reading: RegisterReading,
  survey: Survey,
  clusters: Clusters,
  findings: Findings,
): Chains {
  const links = link(history, reading, survey, clusters, findings);
  const first = clusters.first.slice();
  const last = clusters.last.slice();
  const chain = (root: number): number[] => {
    const members = [root];
    for (let c = links.next[root] - 1; c !== NONE; c = links.next[c] - 1) members.push(c);
    return members;
  };
  const { key, length } = history;
  const reached = new Uint8Array(length);
  for (let root = 0; root < first.length; root++) {
    if (links.next[root] === 0 || (root < length && links.linked[root] === 1)) continue;
    let earliest = first[root];
    let latest = last[root];
    let latestIn = root;
    for (let c = links.next[root] - 1; c !== NONE; c = links.next[c] - 1) {
      reached[c] = 1;
      if (clusters.first[c] < latest) {
        const what = { key: key[c], earlier: latestIn, later: c, root };
        findings.add(what.key, () => ({ type: 'chain against time', ...what, chain: chain(what.root) }));
      }
      if (clusters.first[c] < earliest) earliest = clusters.first[c];
      if (clusters.last[c] > latest) {
        latest = clusters.last[c];
        latestIn = c;
      }
      first[c] = NEVER;
    }
    first[root] = earliest;
    last[root] = latest;
  }
  for (let row = 0; row < length; row++) {
    if (links.linked[row] === 0 || reached[row] === 1) continue;
    const rows: number[] = [];
    for (let c = row; reached[c] === 0; c = links.next[c] - 1) {
      reached[c] = 1;
      first[c] = NEVER;
      rows.push(c);
    }
    const circle = { key: key[row], rows };
    findings.add(circle.key, () => ({ type: 'swapped in a circle', ...circle }));
  }
  return { first, last, ownLast: clusters.last, skip: clusters.repeated, chain };
}

interface Links {
  /** Cluster to the row of the cas that replaced its value, plus one; 0: none. */
  readonly next: Int32Array;
  /** Rows of cas that stand after a known cluster. */
  readonly linked: Uint8Array;
}

function link(
  history: History,
  reading: RegisterReading,
  survey: Survey,
  clusters: Clusters,
  findings: Findings,
): Links {
  const { length, key, expected, ret } = history;
  const { deeds } = survey;
  const next = new Int32Array(clusters.first.length);
  const linked = new Uint8Array(length);
  const asked = new Uint8Array(length);
  for (let row = 0; row < length; row++) {
    if (deeds[row] !== SWAPS || clusters.first[row] === NEVER || clusters.repeated[key[row]] === 1) continue;
    // What a cas that happened had found, happened too: follow indeterminate ones back.
    for (let c = row; asked[c] === 0; ) {
      asked[c] = 1;
      const before = clusters.of(key[c], reference(reading, expected[c]));
      if (before === NONE) {
        const what = { key: key[c], row: c };
        findings.add(what.key, () => ({ type: 'never written', ...what }));
        break;
      }
      if (next[before] !== 0) {
        const what = { key: key[c], row: c, other: next[before] - 1 };
        findings.add(what.key, () => ({ type: 'swapped twice', ...what }));
        break;
      }
      next[before] = c + 1;
      linked[c] = 1;
      if (before >= length || deeds[before] !== SWAPS || ret[before] !== NEVER) break;
      c = before;
    }
  }
  return { next, linked };
}
