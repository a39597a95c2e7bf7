/**
 * A node whose log was found damaged has lost entries that it had acknowledged: somebody may have counted them. Until it
 * has everything that a leader had after the two met, it neither votes nor campaigns, and what it says to the leader
 * counts for nothing; it follows, and is sent what it lacks. Then it is as if it had never lost anything (Alagappan et
 * al., FAST 2018, on why a node must not take part with part of its log gone).
 *
 * The leader that it heals from must be one that a quorum *without this node* has just confirmed: it may itself have
 * helped to elect another one, and have forgotten that too. That is what the answer to a probe says, for a damaged node
 * confirms no round. Whatever was committed with its help, this leader has; so did those who elected it.
 */
import type { Node } from './node.ts';
import { askLeader } from './probes.ts';

export interface Healing {
  /** Of the leader that was asked. */
  readonly term: number;
  readonly probe: number;
  /** Where that leader's log ended: everything up to there must be on disk here. */
  upTo: number | undefined;
}

/** Whether what this node has, or says, may be counted. */
export function counts(node: Node): boolean {
  return !node.damaged || node.defect('damaged-node-votes');
}

export function settleHealing(node: Node): void {
  const { probes, stance } = node;
  if (!node.damaged || stance.type !== 'follower' || stance.leader === undefined) return;
  if (node.healing?.term !== node.term) {
    node.healing = { term: node.term, probe: askLeader(node), upTo: undefined };
  }
  const { healing } = node;
  if (healing.upTo === undefined && probes.answered !== undefined && probes.answered.id >= healing.probe) {
    healing.upTo = probes.answered.last;
  }
  const equalOnDisk = Math.min(node.durableIndex, stance.verified);
  if (healing.upTo === undefined || equalOnDisk < healing.upTo || !node.disk.metaDurable) return;
  declareWhole(node);
  // What it had on disk all along may be counted from now on.
  stance.owesAnswer = true;
}

/** It has what it had lost, or an operator has decided to go on without it. */
export function declareWhole(node: Node): void {
  if (!node.damaged) return;
  node.damaged = false;
  node.healing = undefined;
  node.disk.healed();
}
