/**
 * Transcripts: a script of commands for a {@link Cluster}, and below each command what the replicas did. A line that
 * begins with `> ` is a command, one with `#` a comment; lines indented by two are output, made anew by every run.
 *
 *     nodes n1 n2 n3 [defect=NAME] [batch=1]   start a cluster; nothing moves by itself. Also: part, kept, drift (in ppm)
 *                                       and, as limits of serving, silent, lag and disk
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
 *     cas n1 x 1 2 quorum-ack           also with origin; both also with stamp=500
 *     read n1 leader x y [token=2,5] [wait=100]   also: bound, stamp, user
 *     note n1 ann 1,2                   tells n1 what a user has seen
 *     clock n1 0.9                      its clock runs slow from now on
 *     full n1 / room n1                 what is handed to its disk waits for room
 *     serving                           what each node serves, and whom it waits for
 *     switchover n1 [n2]
 *     members n1 add n4 voter           or: add n4 learner, promote n4, remove n4
 *     machine n4 n1 n2 n3               a new node starts, which was told these voters
 *     compact n1 [5]                    its committed state is on disk, and its log forgets entries up to there
 *     elect n1 5                        an external core names n1 to lead in term 5; without a term: no more
 *     promote n3 n3 n2                  by force, with these voters
 *     status                            a line a node, with the terms of its log
 */
import { EPOCH, epochOf } from '../types.ts';
import type { Acknowledgement, ReadPath, ReadRequest, Timer, WriteRequest } from '../types.ts';
import { Cluster, readAll, timings } from './cluster.ts';
import type { Letter, Timings } from './cluster.ts';
import { describeEvent, describeMessage, describeResponse, describeWrite, place } from './describe.ts';

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
      case 'clock':
        return cluster.setClock(node, Number(rest[1]));
      case 'full':
        return cluster.setDisk(node, 'full');
      case 'room':
        return cluster.setDisk(node, 'ok');
      case 'serving':
        return this.#serving();
      case 'status':
        return this.#status();
      default:
        return this.#request(words);
    }
  }

  #begin(words: readonly string[]): void {
    this.#cluster = new Cluster(
      words.filter((word) => !word.includes('=')),
      configOf(words),
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
      const dirty = [...cluster.machines.values()].find(({ unsynced, diskFull }) => unsynced.length > 0 && !diskFull);
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
      request = cluster.request(node, { type: 'write', ack, key, value: Number(value), ...origin, ...stampOf(rest) });
    } else if (command === 'cas') {
      const [key, expected, next, ack] = rest;
      const cas = {
        type: 'cas',
        ack: ack as Acknowledgement,
        key,
        expected: Number(expected),
        next: Number(next),
        ...originOf(rest),
        ...stampOf(rest),
      } as const;
      request = cluster.request(node, cas);
    } else if (command === 'read') {
      request = cluster.request(node, readOf(rest));
    } else if (command === 'note') {
      const [user, token] = rest;
      const [term, index] = token.split(',').map(Number);
      request = cluster.request(node, { type: 'note', user, token: { group: 'g0', term, index } });
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

  #serving(): void {
    for (const { id, replica } of this.#cluster.machines.values()) {
      if (replica === undefined) continue;
      const { notServing, lag, waitingFor } = replica.status();
      const waits = waitingFor === undefined || waitingFor.length === 0 ? '' : `, waits for ${waitingFor.join(' ')}`;
      this.#say(`${id} ${notServing === undefined ? 'serves' : `refuses: ${notServing}`}, lag ${lag}${waits}`);
    }
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

function numberOf(words: readonly string[], name: string): number | undefined {
  const value = option(words, name);
  return value === undefined ? undefined : Number(value);
}

/** Without what is undefined: the fields of requests and settings are there or not. */
function present<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(there) as { [K in keyof T]: Exclude<T[K], undefined> }; // absent where it was undefined
}

function configOf(words: readonly string[]): Timings {
  const limits = { leaderSilentMs: numberOf(words, 'silent'), lagEntries: numberOf(words, 'lag') };
  return {
    ...timings,
    ...present({
      defect: option(words, 'defect'),
      batchEntriesMax: numberOf(words, 'batch'),
      snapshotPartItems: numberOf(words, 'part'),
      originsKept: numberOf(words, 'kept'),
      clockDriftPpmMax: numberOf(words, 'drift'),
      election: words.includes('election=external') ? ('external' as const) : undefined,
    }),
    serving: present({ ...limits, diskMs: numberOf(words, 'disk') }),
  };
}

function readOf(words: readonly string[]): ReadRequest {
  const token = option(words, 'token')?.split(',').map(Number);
  const needs = {
    boundMs: numberOf(words, 'bound'),
    notBeforeMs: numberOf(words, 'stamp'),
    user: option(words, 'user'),
  };
  return {
    type: 'read',
    path: words[0] as ReadPath, // a transcript names a path; the replica refuses what it does not know
    keys: words.slice(1).filter((word) => !word.includes('=')),
    waitMs: numberOf(words, 'wait') ?? 0,
    ...present({ ...needs, token: token === undefined ? undefined : { term: token[0], index: token[1] } }),
  };
}

function stampOf(words: readonly string[]): Pick<WriteRequest, 'stampMs'> {
  return present({ stampMs: numberOf(words, 'stamp') });
}
