/** The store's own events in the harness's words: who leads, and what is counted. */
import type { NodeId } from '../../history/operation.ts';
import type { ReplicaEvent } from '../../reference-impl/core/types.ts';
import type { Interpreted } from '../system.ts';

export function interpret(node: NodeId, event: unknown): Interpreted {
  const told = event as ReplicaEvent; // what program tidemark-store tells
  if (told.type === 'role') return { sighting: { node, role: told.role, term: told.term, group: told.group ?? 'g0' } };
  const counts = countsOf(told);
  return counts === undefined ? {} : { counts };
}

function countsOf(told: ReplicaEvent): Readonly<Record<string, number>> | undefined {
  switch (told.type) {
    case 'truncated':
      return {
        truncations: 1,
        'entries undone': told.entries.length,
        'acknowledged entries undone': told.acknowledged,
      };
    case 'token-undone':
      return { 'undone tokens refused': 1 };
    case 'snapshot-installed':
      return { 'snapshots installed': 1 };
    case 'lease-expired':
      return { 'leases expired': 1 };
    case 'members':
      return told.undone ? { 'changes of members undone': 1 } : { 'changes of members taken up': 1 };
    case 'promoted-by-force':
      return {
        'promotions by force': 1,
        'committed entries known to be lost': Math.max(0, told.loss.commitHeard - told.loss.last.index),
      };
    case 'repeat':
      return told.outcome === 'answered' ? { 'repeats answered': 1 } : { 'repeats expired': 1 };
    case 'stopped-serving':
      return { [`stopped serving: ${told.code}`]: 1 };
    case 'serving':
      return { 'served again': 1 };
    case 'switchover':
      return told.outcome === 'begun' ? { 'switchovers begun': 1 } : { 'switchovers given up': 1 };
    case 'committed':
    case 'role':
      return undefined;
  }
}
