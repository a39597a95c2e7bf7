/** The store's own events in the harness's words: who leads, and what is counted. */
import type { NodeId } from '../../history/operation.ts';
import type { ReplicaEvent } from '../../reference-impl/core/types.ts';
import type { Interpreted } from '../system.ts';

export function interpret(node: NodeId, event: unknown): Interpreted {
  const told = event as ReplicaEvent; // what program tidemark-store tells
  switch (told.type) {
    case 'role':
      return { sighting: { node, role: told.role, term: told.term, group: told.group ?? 'g0' } };
    case 'truncated':
      return {
        counts: {
          truncations: 1,
          'entries undone': told.entries.length,
          'writes undone that were acknowledged': told.acknowledged,
        },
      };
    default: {
      const counts = countsOf(told);
      return counts === undefined ? {} : { counts };
    }
  }
}

function countsOf(told: ReplicaEvent): Readonly<Record<string, number>> | undefined {
  switch (told.type) {
    case 'token-undone':
      return { 'undone tokens refused': 1 };
    case 'snapshot-installed':
      return { 'snapshots installed': 1 };
    case 'lease-expired':
      return { 'leases expired': 1 };
    case 'members':
      return told.undone ? { 'changes of members undone': 1 } : { 'changes of members taken up': 1 };
    case 'promoted-by-force':
      return { 'promotions by force': 1, 'committed entries known to be lost': lossOf(told.loss) };
    case 'repeat':
      return told.outcome === 'answered' ? { 'repeats answered': 1 } : { 'repeats expired': 1 };
    case 'stopped-serving':
      return { [`stopped serving: ${told.code}`]: 1 };
    case 'serving':
      return { 'began to serve again': 1 };
    case 'switchover':
      return told.outcome === 'begun' ? { 'switchovers begun': 1 } : { 'switchovers given up': 1 };
    default:
      return undefined;
  }
}

function lossOf({
  commitHeard,
  last,
}: {
  readonly commitHeard: number;
  readonly last: { readonly index: number };
}): number {
  return Math.max(0, commitHeard - last.index);
}
