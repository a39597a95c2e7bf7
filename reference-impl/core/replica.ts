/**
 * One voter of a replication group, sans I/O: it is stepped with messages, requests, disk completions and timers, and
 * hands back effects. PROTOCOL.md says what it does and why that is safe.
 *
 * A step has two halves. First its handler changes what the node remembers; then `#settle` hands out everything that
 * follows from the change, in one place and in one order: votes, commit, answers, appends, and one write to disk.
 */
import { expireWrites, settleWrites, waitingFor } from './acknowledgements.ts';
import { expireChange, onChangeMembers, settleChange, settleRemoved } from './changes.ts';
import {
  beginLife,
  onCheckQuorum,
  onElectionTimer,
  onPreVote,
  onPreVoteAnswer,
  onVote,
  onVoteAnswer,
  settleElection,
} from './election.ts';
import { onElect } from './external.ts';
import { onAppend, onCommit, settleFollower } from './follower.ts';
import { settleHealing } from './healing.ts';
import { onSnapshotPart, settleInstall } from './install.ts';
import { onPromoteByForce, settlePromotion } from './force.ts';
import type { Message } from './messages.ts';
import { Node, roleOf } from './node.ts';
import { onNote } from './notes.ts';
import { expireLeaderReads, onRead, settleLeaderReads } from './reads.ts';
import { onProbe, onProbed, onProbeTimer, settleConfirmed, settleProbes } from './probes.ts';
import { settleReady } from './ready.ts';
import { onAppended, onHeartbeatTimer, onRejected, settleCommit, settlePeers } from './replication.ts';
import { heedEpoch } from './roles.ts';
import { settleRound } from './rounds.ts';
import { lagOf, settleServing, whyNotServing } from './serving.ts';
import { openSnapshot } from './snapshots.ts';
import {
  expireHandover,
  onHandoverBeat,
  onStandNow,
  onSwitchover,
  settleHandedOver,
  settleHandover,
} from './switchover.ts';
import { onSnapshotTaken } from './transfer.ts';
import type {
  DiskState,
  Durable,
  Effects,
  GroupId,
  NodeId,
  ReplicaConfig,
  Request,
  SnapshotReader,
  Status,
  Steps,
  Timer,
} from './types.ts';
import { expireWaiting, settleWaiting } from './waiting.ts';
import { onWrite } from './writes.ts';

export class Replica implements Steps<Message> {
  readonly #node: Node;

  constructor(config: ReplicaConfig, durable: Durable, nowMs: number, out: Effects<Message>) {
    this.#node = new Node(config, durable, nowMs, out);
    beginLife(this.#node);
  }

  receive(from: NodeId, message: Message, nowMs: number, out: Effects<Message>): void {
    const node = this.#begin(nowMs, out);
    // Whatever it would answer would tell of an epoch that it may yet forget.
    if (node.promotion !== undefined) return;
    heedEpoch(node, from, message.term);
    switch (message.type) {
      case 'stand-now':
        onStandNow(node, message);
        break;
      case 'append':
        onAppend(node, from, message);
        break;
      case 'appended':
        onAppended(node, from, message);
        break;
      case 'rejected':
        onRejected(node, from, message);
        break;
      case 'commit':
        onCommit(node, from, message);
        break;
      case 'pre-vote':
        onPreVote(node, from, message);
        break;
      case 'pre-vote-answer':
        onPreVoteAnswer(node, from, message);
        break;
      case 'vote':
        onVote(node, from, message);
        break;
      case 'vote-answer':
        onVoteAnswer(node, from, message);
        break;
      case 'snapshot-part':
        onSnapshotPart(node, from, message);
        break;
      case 'snapshot-taken':
        onSnapshotTaken(node, from, message);
        break;
      case 'probe':
        onProbe(node, from, message);
        break;
      case 'probed':
        onProbed(node, from, message);
        break;
    }
    this.#settle();
  }

  request(request: number, body: Request, nowMs: number, out: Effects<Message>): void {
    const node = this.#begin(nowMs, out);
    if (body.type === 'read') onRead(node, request, body);
    else if (body.type === 'write' || body.type === 'cas') onWrite(node, request, body);
    else if (body.type === 'switchover') onSwitchover(node, request, body);
    else if (body.type === 'change-members') onChangeMembers(node, request, body);
    else if (body.type === 'note') onNote(node, request, body);
    else if (body.type === 'promote-by-force') onPromoteByForce(node, request, body);
    else node.out.answer(request, { type: 'refused', code: 'BAD_REQUEST' });
    this.#settle();
  }

  synced(ticket: number, nowMs: number, out: Effects<Message>): void {
    this.#begin(nowMs, out).disk.synced(ticket);
    this.#settle();
  }

  fired(timer: Timer, nowMs: number, out: Effects<Message>): void {
    const node = this.#begin(nowMs, out);
    const stance = node.stance;
    if (timer === 'election') onElectionTimer(node);
    else if (timer === 'probe') onProbeTimer(node);
    else if (timer === 'requests') {
      node.requestsDueAtMs = Number.POSITIVE_INFINITY;
      expireWaiting(node);
      expireHandover(node);
      if (stance.type === 'leader') {
        expireLeaderReads(node, stance);
        expireWrites(node, stance);
        expireChange(node, stance);
      }
    } else if (stance.type === 'leader') {
      if (timer === 'heartbeat') {
        onHeartbeatTimer(node, stance);
        onHandoverBeat(node, stance);
      } else onCheckQuorum(node, stance);
    }
    this.#settle();
  }

  diskChanged(state: DiskState, nowMs: number, out: Effects<Message>): void {
    const { disk, stance } = this.#begin(nowMs, out);
    disk.full = state === 'full';
    if (stance.type === 'follower') stance.owesAnswer = true;
    this.#settle();
  }

  elect(_group: GroupId, term: number | undefined, nowMs: number, out: Effects<Message>): void {
    onElect(this.#begin(nowMs, out), term);
    this.#settle();
  }

  snapshot(_group: GroupId): SnapshotReader {
    return openSnapshot(this.#node);
  }

  compacted(_group: GroupId, index: number): void {
    this.#node.compact(index);
  }

  statuses(): readonly Status[] {
    return [this.status()];
  }

  status(): Status {
    const node = this.#node;
    const { stance, term, log, commitIndex } = node;
    const commit = { term: log.termAt(commitIndex) ?? 0, index: commitIndex };
    return {
      role: roleOf(node),
      term,
      leader: stance.type === 'leader' ? node.config.id : stance.type === 'follower' ? stance.leader : undefined,
      commit,
      // The committed part of the state is applied with the entry itself: nothing lies between commit and apply.
      applied: commit,
      last: { term: log.lastTerm, index: log.lastIndex },
      group: node.group,
      first: log.first,
      members: node.members.current,
      lag: lagOf(node),
      notServing: whyNotServing(node),
      ...(stance.type === 'leader'
        ? {
            matches: Object.fromEntries(stance.peers.map((peer) => [peer.id, peer.match])),
            waitingFor: waitingFor(node, stance),
          }
        : undefined),
      damaged: node.damaged,
    };
  }

  #begin(nowMs: number, out: Effects<Message>): Node {
    this.#node.nowMs = nowMs;
    this.#node.out = out;
    return this.#node;
  }

  #settle(): void {
    const node = this.#node;
    settlePromotion(node);
    settleElection(node);
    settleHandedOver(node);
    const stance = node.stance;
    if (stance.type === 'leader') {
      settleCommit(node, stance);
      settleChange(node, stance);
    }
    settleReady(node);
    settleHealing(node);
    settleProbes(node);
    if (stance.type === 'leader') {
      settleRound(node, stance);
      settleConfirmed(node, stance);
      settleWrites(node, stance);
      settleLeaderReads(node, stance);
      settlePeers(node, stance);
      settleHandover(node, stance);
      settleRemoved(node, stance);
    } else if (stance.type === 'follower') {
      settleInstall(node, stance);
      settleFollower(node, stance);
    }
    settleServing(node);
    settleWaiting(node);
    const write = node.disk.next(node.log, node.term, node.votedFor, node.nowMs);
    if (write !== undefined) node.out.write(write);
  }
}
