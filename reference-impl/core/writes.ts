/** Writes and cas at the leader: appended at once, or recognised as repeats of what was. */
import { acknowledgementOf, awaitRepeat, awaitWrite, responseOf } from './acknowledgements.ts';
import { isHandingOver } from './handover.ts';
import type { Node } from './node.ts';
import type { Leader } from './stances.ts';
import { outcomeOf } from './origins.ts';
import { knowsCommitted } from './rounds.ts';
import { refuse, refuseNotLeader } from './serve.ts';
import type { CasRequest, Command, Entry, NodeId, Position, WriteRequest } from './types.ts';

type Writing = WriteRequest | CasRequest;

export function onWrite(node: Node, request: number, body: Writing): void {
  const leader = node.stance;
  if (leader.type !== 'leader') {
    refuseNotLeader(node, request);
    return;
  }
  const ack = acknowledgementOf(node, leader, body.ack);
  const deadlineMs = node.nowMs + node.config.requestTimeoutMs;
  const record = body.origin === undefined ? undefined : node.origins.find(body.origin);
  if (record !== undefined)
    awaitRepeat(node, leader, {
      request,
      index: record.index,
      voters: votersOf(node, record),
      deadlineMs,
      outcome: record,
      ack,
    });
  else if (isTooOld(node, leader, body)) {
    node.out.tell({ type: 'repeat', outcome: 'expired' });
    node.out.answer(request, { type: 'refused', code: 'ORIGIN_TOO_OLD', commit: node.commitIndex });
  } else if (isHandingOver(node, leader)) refuse(node, request, 'HANDING_OVER');
  else if (node.disk.full) refuse(node, request, 'DISK_FULL');
  else {
    // The whole log before a cas decides it: what it finds here, every replica with this log finds.
    const before = node.state.local(body.key);
    const entry = entryOf(node, body);
    const outcome = outcomeOf(entry, node.append(entry), before);
    if (outcome.mismatch !== undefined && node.defect('mismatch-from-uncommitted')) {
      node.out.answer(request, responseOf(outcome, node.commitIndex));
    } else
      awaitWrite(node, leader, ack, {
        request,
        index: entry.index,
        voters: votersOf(node, entry),
        deadlineMs,
        outcome,
      });
  }
}

/**
 * Whether it might be a repeat of a request whose record has expired. So might one that claims to have seen more
 * committed than there is: it comes from before a promotion by force, or this leader is deposed.
 */
function isTooOld(node: Node, leader: Leader, { origin }: Writing): boolean {
  if (origin === undefined) return false;
  if (node.origins.mayHaveExpired(origin.since, node.commitIndex)) return true;
  return origin.since > node.commitIndex && knowsCommitted(node, leader);
}

/** Of the configuration that counted at this place; of an old one that is forgotten, the newest committed. */
function votersOf(node: Node, { index }: Position): readonly NodeId[] {
  return node.members.at(index).members.voters;
}

function entryOf(node: Node, body: Writing): Entry {
  const { origin, after, stampMs } = body;
  return {
    term: node.term,
    index: node.log.lastIndex + 1,
    command: commandOf(body),
    ...(origin === undefined ? undefined : { origin: { client: origin.client, sequence: origin.sequence } }),
    ...(after === undefined ? undefined : { after }),
    ...(stampMs === undefined ? undefined : { stampMs }),
  };
}

function commandOf(body: Writing): Command {
  return body.type === 'write'
    ? { type: 'write', key: body.key, value: body.value }
    : { type: 'cas', key: body.key, expected: body.expected, next: body.next };
}
