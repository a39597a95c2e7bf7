/**
 * Transcripts: a script of commands for a {@link Cluster}, and below each command what the replicas did. A line that
 * begins with `> ` is a command, one with `#` a comment; lines indented by two are output, made anew by every run.
 *
 *     nodes n1 n2 n3 [defect=NAME] [batch=1] [part=1]   start a cluster; nothing moves by itself
 *     time +400                         let the clock go on; no timer fires
 *     fire n1 election                  a timer fires
 *     deliver n1>n2 [2]                 what is on its way on that link, or the first few of it
 *     copy n1>n2                        the first on that link arrives and stays on its way: a duplicate
 *     overtake n1>n2                    the last on that link arrives before the others
 *     drop n1>n2
 *     sync n1                           all that was handed to the disk is durable
 *     cut n1                            `settle` loses what goes from and to n1, until
 *     join n1
 *     silence n1                        `settle` loses the appends of n1, until `join n1`
 *     settle [quietly]                  deliver and sync until nothing moves
 *     crash n1 / restart n1             what was not synced is gone
 *     damage n1 3                       its log on disk, while it is down, is cut behind entry 3 and known to be
 *     write n1 x=1 quorum-ack [origin=c1,1,0]   of a client, by its number, and an index committed before
 *     cas n1 x 1 2 quorum-ack
 *     read n1 leader x y [token=2,5] [wait=100]
 *     switchover n1 [n2]
 *     members n1 add n4 voter           or: add n4 learner, promote n4, remove n4
 *     machine n4 n1 n2 n3               a new node starts, which was told these voters
 *     compact n1 [5]                    its committed state is on disk, and its log forgets entries up to there
 *     elect n1 5                        an external core names n1 to lead in term 5; without a term: no more
 *     promote n3 n3 n2                  by force, with these voters
 *     status                            a line a node, with the terms of its log
 */
import type { Message } from '../messages.ts';
import type {
  Acknowledgement,
  DiskWrite,
  Entry,
  Loss,
  Position,
  ReadPath,
  ReplicaEvent,
  Response,
  Timer,
  WriteRequest,
} from '../types.ts';
import { EPOCH, epochOf } from '../types.ts';
import { Cluster, readAll, timings } from './cluster.ts';
import type { Letter } from './cluster.ts';

/** Runs the commands of a transcript and returns it with its output made anew. */
export function rerun(transcript: string): string {
  const lines: string[] = [];
  const stage = new Stage((line) => lines.push(`  ${line}`));
  for (const line of transcript.split('\n')) {
    if (line.startsWith('  ')) continue;
    lines.push(line);
    if (!line.startsWith('> ')) continue;
    try {
      stage.obey(line.slice(2).trim().split(/\s+/));
    } catch (error) {
      lines.push(`  ${String(error)}`);
    }
  }
  return lines.join('\n');
}

class Stage {
  readonly #print: (line: string) => void;
  #cluster = new Cluster([]);
  readonly #cut = new Set<string>();
  readonly #silenced = new Set<string>();
  #quiet = false;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  #say(line: string): void {
    if (!this.#quiet) this.#print(line.replace(/\d{10,}/g, shortTerm));
  }

  obey(words: readonly string[]): void {
    const [command, ...rest] = words;
    const cluster = this.#cluster;
    const [node] = rest;
    switch (command) {
      case 'nodes':
        return this.#begin(rest);
      case 'time':
        cluster.nowMs += Number(node);
        return;
      case 'fire':
        return cluster.fire(node, rest[1] as Timer); // the cluster complains of one that is not armed
      case 'deliver':
        for (const letter of this.#onLink(node, rest[1])) cluster.deliver(letter);
        return;
      case 'copy':
        return cluster.deliverCopy(this.#onLink(node, '1')[0]);
      case 'overtake':
        return cluster.deliver(this.#onLink(node, undefined).slice(-1)[0]);
      case 'drop':
        for (const letter of this.#onLink(node, rest[1])) cluster.drop(letter);
        return;
      case 'sync':
        return cluster.sync(node);
      case 'cut':
        this.#cut.add(node);
        return;
      case 'silence':
        this.#silenced.add(node);
        return;
      case 'join':
        this.#cut.delete(node);
        this.#silenced.delete(node);
        return;
      case 'settle':
        this.#quiet = node === 'quietly';
        this.#settle();
        this.#quiet = false;
        return;
      case 'crash':
        return cluster.crash(node);
      case 'damage':
        return cluster.damage(node, Number(rest[1]), 'kept');
      case 'restart':
        return cluster.start(node);
      case 'machine':
        cluster.add(node, rest.slice(1));
        return cluster.start(node);
      case 'compact': {
        const snapshot = readAll(cluster.open(node), 1000);
        return cluster.compact(node, snapshot, rest[1] === undefined ? snapshot.index : Number(rest[1]));
      }
      case 'elect':
        return cluster.elect(node, rest[1] === undefined ? undefined : Number(rest[1]));
      case 'status':
        return this.#status();
      default:
        return this.#request(words);
    }
  }

  #begin(words: readonly string[]): void {
    const defect = option(words, 'defect');
    const batch = option(words, 'batch');
    const part = option(words, 'part');
    this.#cluster = new Cluster(
      words.filter((word) => !word.includes('=')),
      {
        ...timings,
        ...(defect === undefined ? undefined : { defect }),
        ...(batch === undefined ? undefined : { batchEntriesMax: Number(batch) }),
        ...(words.includes('election=external') ? { election: 'external' } : undefined),
        ...(part === undefined ? undefined : { snapshotPartItems: Number(part) }),
      },
      {
        sent: ({ from, to, message }) => this.#say(`${from} → ${to}  ${describeMessage(message)}`),
        wrote: (node, write) => this.#say(`${node} disk  ${describeWrite(write)}`),
        told: (node, event) => this.#say(`${node} ${describeEvent(event)}`),
        answered: (node, request, response) => this.#say(`${node} answers #${request}: ${describeResponse(response)}`),
      },
    );
    this.#cut.clear();
    this.#silenced.clear();
    this.#cluster.startAll();
  }

  #onLink(link: string, count: string | undefined): Letter[] {
    const [from, to] = link.split('>');
    const found = this.#cluster.letters.filter((letter) => letter.from === from && letter.to === to);
    if (found.length === 0) throw new Error(`nothing on its way on ${link}`);
    return found.slice(0, count === undefined ? found.length : Number(count));
  }

  #settle(): void {
    const cluster = this.#cluster;
    for (let i = 0; i < 10_000; i++) {
      const letter = cluster.letters[0];
      if (letter !== undefined) {
        if (cluster.isUp(letter.to) && this.#passes(letter)) cluster.deliver(letter);
        else cluster.drop(letter);
        continue;
      }
      const dirty = [...cluster.machines.values()].find((machine) => machine.unsynced.length > 0);
      if (dirty === undefined) return;
      cluster.sync(dirty.id);
    }
    throw new Error('the cluster does not come to rest');
  }

  #passes({ from, to, message }: Letter): boolean {
    return !this.#cut.has(from) && !this.#cut.has(to) && !(this.#silenced.has(from) && message.type === 'append');
  }

  #request(words: readonly string[]): void {
    const [command, node, ...rest] = words;
    const cluster = this.#cluster;
    let request: number;
    if (command === 'write') {
      const [key, value] = rest[0].split('=');
      const ack = rest[1] as Acknowledgement;
      const origin = originOf(rest);
      request = cluster.request(node, { type: 'write', ack, key, value: Number(value), ...origin });
    } else if (command === 'cas') {
      const [key, expected, next, ack] = rest;
      const cas = {
        type: 'cas',
        ack: ack as Acknowledgement,
        key,
        expected: Number(expected),
        next: Number(next),
      } as const;
      request = cluster.request(node, cas);
    } else if (command === 'read') {
      const keys = rest.slice(1).filter((word) => !word.includes('='));
      const token = option(rest, 'token')?.split(',').map(Number);
      request = cluster.request(node, {
        type: 'read',
        path: rest[0] as ReadPath,
        keys,
        waitMs: Number(option(rest, 'wait') ?? 0),
        ...(token === undefined ? undefined : { token: { term: token[0], index: token[1] } }),
      });
    } else if (command === 'members') {
      const [verb, id, as] = rest;
      const change =
        verb === 'add'
          ? { add: id, as: as === 'voter' ? ('voter' as const) : ('learner' as const) }
          : verb === 'promote'
            ? { promote: id }
            : { remove: id };
      request = cluster.request(node, { type: 'change-members', change });
    } else if (command === 'switchover') {
      const [to] = rest;
      request = cluster.request(node, { type: 'switchover', ...(to === undefined ? undefined : { to }) });
    } else if (command === 'promote') {
      request = cluster.request(node, { type: 'promote-by-force', members: { voters: rest, learners: [] } });
    } else throw new Error(`no command ${command}`);
    if (!cluster.answers.has(request)) this.#say(`#${request} waits`);
  }

  #status(): void {
    for (const { id, replica, durable } of this.#cluster.machines.values()) {
      const { snapshot } = durable;
      const base = snapshot === undefined ? '' : `snapshot ${place(snapshot)}, then `;
      const terms = `${base}${durable.entries.map((entry) => entry.term).join(' ')}`;
      if (replica === undefined) this.#say(`${id} down, on disk: term ${durable.term}, log [${terms}]`);
      else {
        const { role, term, commit, last } = replica.status();
        this.#say(`${id} ${role}, term ${term}, last ${place(last)}, committed ${place(commit)}, on disk [${terms}]`);
      }
    }
  }
}

/** Terms of recovery epochs are long: `E6234+1` is the second term of epoch 6234. */
function shortTerm(term: string): string {
  return `E${epochOf(Number(term))}+${Number(term) % EPOCH}`;
}

function option(words: readonly string[], name: string): string | undefined {
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

function originOf(words: readonly string[]): Pick<WriteRequest, 'origin'> | undefined {
  const [client, sequence, since] = option(words, 'origin')?.split(',') ?? [];
  if (client === undefined) return undefined;
  return { origin: { client, sequence: Number(sequence), since: Number(since) } };
}

function place({ term, index }: Position): string {
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

function describeMessage(message: Message): string {
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
      return `${head} durable ${message.durable}, verified ${message.verified}, round ${message.round}`;
    case 'rejected':
      return `${head} after ${message.prevIndex}, hint (${message.hintTerm},${message.hintIndex}), round ${message.round}${message.rebuild ? ', rebuild' : ''}${message.damaged ? ', damaged' : ''}`;
    case 'commit':
      return `${head} ${message.index}`;
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

function describeWrite(write: DiskWrite): string {
  const parts = [`#${write.ticket}`];
  if (write.term !== undefined) parts.push(`term ${write.term}, vote ${write.votedFor ?? 'none'}`);
  if (write.snapshot !== undefined) parts.push(`snapshot ${place(write.snapshot)}`);
  if (write.truncateFrom !== undefined) parts.push(`cut from ${write.truncateFrom}`);
  if (write.entries !== undefined) parts.push(describeEntries(write.entries));
  if (write.healed === true) parts.push('healed');
  return parts.join(' ');
}

function describeEvent(event: ReplicaEvent): string {
  switch (event.type) {
    case 'role':
      return `is ${event.role} in term ${event.term}: ${event.why}`;
    case 'committed':
      return `has committed up to ${event.index}`;
    case 'truncated':
      return `undoes ${describeEntries(event.entries)}, of which it had acknowledged ${event.acknowledged}`;
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
    case 'lease-expired':
    case 'repeat':
    case 'stopped-serving':
    case 'serving': {
      const { type, ...rest } = event;
      return `${type} ${JSON.stringify(rest)}`;
    }
  }
}

function describeLoss({ last, commitHeard }: Loss): string {
  return commitHeard > last.index ? `${last.index + 1} to ${commitHeard} for certain` : `what follows ${place(last)}`;
}

function describeResponse(response: Response): string {
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
