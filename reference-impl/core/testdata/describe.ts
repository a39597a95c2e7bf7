/** How transcripts say what replicas do. */
import type { Message } from '../messages.ts';
import type { DiskWrite, Entry, Loss, Position, ReplicaEvent, Response } from '../types.ts';

export function place({ term, index }: Position): string {
  return `(${term},${index})`;
}

function describeEntry({ term, index, command }: Entry): string {
  const what =
    command.type === 'noop'
      ? 'noop'
      : command.type === 'members'
        ? `members ${command.members.voters.join(' ')}, learners ${command.members.learners.join(' ') || 'none'}`
        : command.type === 'write'
          ? `${command.key}=${JSON.stringify(command.value)}`
          : `${command.key}:${JSON.stringify(command.expected)}→${JSON.stringify(command.next)}`;
  return `(${term},${index}) ${what}`;
}

function describeEntries(entries: readonly Entry[]): string {
  return `[${entries.map(describeEntry).join(', ')}]`;
}

export function describeMessage(message: Message): string {
  const head = `t${message.term} ${message.type}`;
  switch (message.type) {
    case 'pre-vote':
      return `${head} for term ${message.campaign}, last (${message.lastTerm},${message.lastIndex})`;
    case 'vote':
      return `${head}, last (${message.lastTerm},${message.lastIndex})${message.handover ? ', handed over' : ''}`;
    case 'pre-vote-answer':
      return `${head} for term ${message.campaign}: ${message.granted ? 'yes' : 'no'}`;
    case 'vote-answer':
      return `${head}: ${message.granted ? 'yes' : 'no'}`;
    case 'append': {
      const after = `(${message.prevTerm},${message.prevIndex})`;
      return `${head} ${describeEntries(message.entries)} after ${after}, commit ${message.commit}, round ${message.round}`;
    }
    case 'appended':
      return `${head} durable ${message.durable}, verified ${message.verified}, round ${message.round}${fullness(message)}`;
    case 'rejected':
      return `${head} after ${message.prevIndex}, hint (${message.hintTerm},${message.hintIndex}), round ${message.round}${message.rebuild ? ', rebuild' : ''}${message.damaged ? ', damaged' : ''}${fullness(message)}`;
    case 'commit':
      return `${head} ${message.index}${message.answer === true ? ', to be answered' : ''}`;
    case 'snapshot-part': {
      const end = message.last ? ', the last' : '';
      return `${head} ${message.part} of ${place(message.head)}: ${message.values.length} values${end}`;
    }
    case 'snapshot-taken':
      return `${head} ${message.parts} parts of ${message.index}${message.done ? ', installed' : ''}`;
    case 'probe':
      return `${head} ${message.id}`;
    case 'probed':
      return `${head} ${message.id}: commit ${message.commit}, last ${message.last}`;
    case 'stand-now':
      return `${head} with a log up to ${message.lastIndex}`;
  }
}

function fullness({ full }: { readonly full?: true }): string {
  return full === true ? ', disk full' : '';
}

export function describeWrite(write: DiskWrite): string {
  const parts = [`#${write.ticket}`];
  if (write.term !== undefined) parts.push(`term ${write.term}, vote ${write.votedFor ?? 'none'}`);
  if (write.snapshot !== undefined) parts.push(`snapshot ${place(write.snapshot)}`);
  if (write.truncateFrom !== undefined) parts.push(`cut from ${write.truncateFrom}`);
  if (write.entries !== undefined) parts.push(describeEntries(write.entries));
  if (write.healed === true) parts.push('healed');
  return parts.join(' ');
}

export function describeEvent(event: ReplicaEvent): string {
  switch (event.type) {
    case 'role':
      return `is ${event.role} in term ${event.term}: ${event.why}`;
    case 'committed':
      return `has committed up to ${event.index}`;
    case 'truncated':
      return describeUndone(event);
    case 'switchover':
      return `hands over to ${event.to}: ${event.outcome}`;
    case 'snapshot-installed':
      return `has installed a snapshot up to ${event.index}`;
    case 'members': {
      const { voters, learners } = event.members;
      const who = `voters ${voters.join(' ')}, learners ${learners.join(' ') || 'none'}`;
      return event.undone ? `goes back to ${who} of ${event.index}` : `counts ${who} from ${event.index}`;
    }
    case 'promoted-by-force':
      return `was promoted by force in term ${event.term}, losing ${describeLoss(event.loss)}`;
    case 'token-undone':
      return `finds token ${place(event.token)} undone`;
    case 'stopped-serving':
      return `stops serving: ${event.code}`;
    case 'serving':
      return 'serves again';
    case 'repeat':
      return event.outcome === 'answered'
        ? 'finds the record of a repeat'
        : 'finds no record where there may have been one';
    case 'lease-expired':
      return `has no lease any more in term ${event.term}`;
  }
}

function describeLoss({ last, commitHeard }: Loss): string {
  return commitHeard > last.index ? `${last.index + 1} to ${commitHeard} for certain` : `what follows ${place(last)}`;
}

export function describeResponse(response: Response): string {
  switch (response.type) {
    case 'read': {
      const values = response.values.map((value, i) => {
        const version = response.versions[i];
        return `${JSON.stringify(value)}${version === undefined ? '' : ` of ${place(version)}`}`;
      });
      return `${values.join(', ')} at ${place(response.position)} as ${response.role}`;
    }
    case 'written':
      return `written ${place(response.version)}`;
    case 'mismatch':
      return `mismatch, was ${JSON.stringify(response.actual)} of ${place(response.version)}`;
    case 'done':
      return `done at ${place(response.position)}${response.loss === undefined ? '' : `, losing ${describeLoss(response.loss)}`}`;
    case 'refused':
      return `refused ${response.code}${response.leader === undefined ? '' : `, leader ${response.leader}`}`;
    case 'unknown':
      return `unknown ${response.code}${response.waitingFor === undefined ? '' : `, waiting for ${response.waitingFor.join(' ')}`}`;
  }
}

function describeUndone({
  entries,
  acknowledged,
  overwrote,
  committedAt = [],
  unknownAt = [],
}: Extract<ReplicaEvent, { type: 'truncated' }>): string {
  const undone = `undoes ${describeEntries(entries)}, of which it had acknowledged ${acknowledged}`;
  if (committedAt.length === 0) return undone;
  const over = entries.map(({ index }, i) => (unknownAt.includes(index) ? '?' : JSON.stringify(overwrote[i]) || '-'));
  return `${undone}, and ${committedAt.length} were committed; over ${over.join(' ')}`;
}
