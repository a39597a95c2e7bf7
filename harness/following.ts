/**
 * Follows the promises of a system while the run goes on, and tells of the first that is broken.
 *
 * What is recorded is dealt to followers just as `judge` deals a whole history to checkers: to each promised (write path, read path)
 * and guarantee the writes to the keys of its write path and the reads of its read path. `judge` has the last word: a follower only
 * says when there is enough to stop.
 */
import { type Budget, type Checker, defaultSemantics, type Follower, type Semantics } from '../checkers/checker.ts';
import { EventFields, HistoryBuilder, INVOKE } from '../history/builder.ts';
import { methodCodes, READ_MANY, typeCodes } from '../history/event-fields.ts';
import type { Growing } from '../history/growing.ts';
import { type Guarantee, guarantees } from '../history/guarantee.ts';
import { type History, NONE, type PlacedNote, ROLES } from '../history/history.ts';
import type { Instant, Key, Note, Position, Process } from '../history/operation.ts';
import type { Texts } from '../history/texts.ts';
import type { Bail } from '../results/record.ts';
import type { Call } from '../workloads/workload.ts';
import type { Row } from './driver.ts';
import { isOfWritePath, keysByWritePath, setsLane, threadOf } from './judge.ts';
import { isLog, spokenOf, withLogs } from './logs.ts';
import type { Completed, Following as RecordFollowing } from './recorder.ts';
import type { System } from './system.ts';
import { followLinearizable } from './transactions.ts';

/** A promise that a follower found broken. */
export type Broken = Omit<Bail, 'sparedNs' | 'at'>;

/** What a run tries. */
export interface Tried {
  readonly system: System;
  readonly writePaths: readonly string[];
  readonly rows: readonly Row[];
  readonly guarantees: readonly Guarantee[];
}

export interface FollowingOptions extends Tried {
  readonly checkers: ReadonlyMap<string, Checker>;
  /** Names of the faults that were begun so far: some promises do not stand where they were. */
  readonly struck: () => readonly string[];
  /** Told once. */
  readonly broke: (broken: Broken) => void;
}

/** A promise that is followed: of one cell of the matrix. */
interface Followed {
  readonly guarantee: Guarantee;
  readonly writePath: string | undefined;
  /** Several where paths are judged together. */
  readonly readPaths: readonly string[];
  readonly follower: Follower;
  /** Its promise does not stand in this run. */
  suspended: boolean;
}

/** How often the checkers of one promise may ask whether to go on, in all. What they leave open is judged at the end. */
const ASKS_MAX = 200_000;

/** What `--bail` is to watch, and whether it can: the promises of what is tried, by whether they are told before the end. */
export function promisesByTelling(
  { system, writePaths, rows, guarantees: asked }: Tried,
  checkers: ReadonlyMap<string, Checker>,
): { readonly early: readonly Guarantee[]; readonly atTheEnd: readonly Guarantee[] } {
  const promised = asked.filter((guarantee) => {
    const { scope } = guarantees[guarantee];
    if (scope === 'system') return system.always.includes(guarantee);
    if (scope === 'write path') return writePaths.some((path) => system.promisesOfWrites(path).includes(guarantee));
    return rows.some(({ writePath, readPath }) => system.promises(writePath, readPath).includes(guarantee));
  });
  const isEarly = (guarantee: Guarantee): boolean => checkers.get(guarantee)?.follow !== undefined;
  return { early: promised.filter(isEarly), atTheEnd: promised.filter((guarantee) => !isEarly(guarantee)) };
}

export class Following implements RecordFollowing {
  readonly #options: FollowingOptions;
  readonly #builder = new HistoryBuilder();
  readonly #fields = new EventFields();
  readonly #numbers = new Map<Texts, Map<string, number>>();
  readonly #keys = new Map<Key, number>();
  /** Of each lane (write path) all its followers, and those of the reads of each path. */
  readonly #ofLane: Followed[][];
  readonly #ofReads: Map<number, Followed[]>[];
  readonly #ofAll: Followed[] = [];
  readonly #laneOfPath = new Map<number, number>();
  /** Lane of each key, plus one; 0: nobody has written to it yet. */
  readonly #laneOfKey: number[] = [];
  /** Reads of keys that nobody has written to yet: twice the row, plus one for its end. */
  readonly #early = new Map<number, number[]>();
  #index = 0;
  #ended = false;

  constructor(options: FollowingOptions) {
    this.#options = options;
    this.#ofLane = options.writePaths.map(() => []);
    this.#ofReads = options.writePaths.map(() => new Map<number, Followed[]>());
    for (const [lane, path] of options.writePaths.entries())
      this.#laneOfPath.set(this.#builder.tables.paths.intern(path), lane);
    for (const guarantee of options.guarantees) this.#begin(guarantee);
    this.#builder.listener = {
      invoked: (row) => this.#deal(row, false),
      completed: (row) => this.#deal(row, true),
      noted: (note) => this.#noted(note),
    };
  }

  /** How many promises are followed. */
  get promises(): number {
    return new Set([...this.#ofAll, ...this.#ofLane.flat()]).size;
  }

  invoke(
    event: number,
    time: Instant,
    process: Process,
    call: Call,
    session: string,
    device: string,
    path: string,
  ): void {
    const { tables } = this.#builder;
    const fields = this.#start(event, time, process, call);
    fields.type = INVOKE;
    fields.session = this.#number(tables.sessions, session);
    fields.device = this.#number(tables.devices, device);
    fields.path = this.#number(tables.paths, path);
    if (call.f === 'readMany') fields.list = call.keys;
    if (call.f === 'txn') fields.list = call.steps;
    this.#put();
  }

  complete(event: number, time: Instant, process: Process, call: Call, completed: Completed): void {
    const { answer, value, outcome } = completed;
    const { tables } = this.#builder;
    const fields = this.#start(event, time, process, call);
    fields.type = typeCodes.get(outcome) ?? INVOKE;
    if (call.f === 'read' || call.f === 'poll' || call.f === 'send') fields.value = tables.values.intern(value);
    if (call.f === 'readMany' || call.f === 'txn') fields.list = value;
    if (call.f === 'cas') fields.mismatch = completed.error === 'mismatch';
    if (completed.actual !== undefined) fields.actual = tables.values.intern(completed.actual);
    if (answer?.servedBy) {
      fields.node = this.#number(tables.nodes, answer.servedBy.node);
      if (answer.servedBy.role) fields.role = ROLES.indexOf(answer.servedBy.role);
    }
    if (answer?.versions) fields.versions = answer.versions;
    else if (answer?.version) this.#version(answer.version);
    this.#put();
  }

  note(event: number, note: Note): void {
    if (this.#ended || this.#ofAll.length === 0) return;
    this.#index = event;
    this.#builder.note(note);
  }

  #start(event: number, time: Instant, process: Process, call: Call): EventFields {
    const { values, keys } = this.#builder.tables;
    const fields = this.#fields;
    fields.clear();
    fields.index = this.#index = event;
    fields.time = time;
    fields.process = process;
    fields.f = methodCodes.get(call.f) ?? READ_MANY;
    if (call.f === 'readMany' || call.f === 'txn') return fields;
    let key = this.#keys.get(call.key);
    if (key === undefined) {
      key = keys.intern(JSON.stringify(call.key));
      this.#keys.set(call.key, key);
    }
    fields.key = key;
    if (call.f === 'write' || call.f === 'send') fields.value = values.intern(call.value);
    if (call.f === 'cas') {
      fields.expected = values.intern(call.expected);
      fields.value = values.intern(call.next);
    }
    return fields;
  }

  #version({ group, history, at }: Position): void {
    const { groups, values } = this.#builder.tables;
    if (typeof at !== 'number') return; // followers do without; the judge reads what can be read of it
    this.#fields.versionGroup = this.#number(groups, group);
    this.#fields.versionHistory = values.intern(history);
    this.#fields.versionAt = at;
  }

  #put(): void {
    if (this.#ended) return;
    try {
      this.#builder.put(this.#fields);
    } catch {
      // What cannot be a history is for the judge to report; there is nothing to follow in it.
      this.#ended = true;
    }
  }

  #number(texts: Texts, name: string): number {
    let known = this.#numbers.get(texts);
    if (known === undefined) this.#numbers.set(texts, (known = new Map()));
    let number = known.get(name);
    if (number === undefined) known.set(name, (number = texts.intern(name)));
    return number;
  }

  #deal(row: number, ended: boolean): void {
    const { columns } = this.#builder.growing;
    for (const followed of this.#ofAll) this.#tell(followed, row, ended);
    const sets = setsLane(columns, row);
    const k = columns.key[row];
    if (sets && !ended) {
      const lane = this.#laneOfPath.get(columns.path[row]) ?? NONE;
      this.#laneOfKey[k] = lane + 1;
      if (this.#early.size > 0) this.#catchUp(k, lane);
    }
    const lane = (this.#laneOfKey[k] ?? 0) - 1;
    if (lane !== NONE) {
      for (const followed of this.#audience(row, lane)) this.#tell(followed, row, ended);
    } else if (!sets) {
      const early = this.#early.get(k);
      if (early === undefined) this.#early.set(k, [row * 2 + Number(ended)]);
      else early.push(row * 2 + Number(ended));
    }
  }

  /** Who is told of a row of the lane: all where it belongs to the write path, and else those who follow the reads of its path. */
  #audience(row: number, lane: number): readonly Followed[] {
    const { columns } = this.#builder.growing;
    const path = columns.path[row];
    const isOfAll = isOfWritePath(columns, row, this.#laneOfPath.get(path) === lane);
    return (isOfAll ? this.#ofLane[lane] : this.#ofReads[lane].get(path)) ?? [];
  }

  /** Whose key it is shows with its first write; what was read of it before is told then. Order matters within a key only. */
  #catchUp(key: number, lane: number): void {
    const early = this.#early.get(key);
    if (early === undefined || lane === NONE) return;
    this.#early.delete(key);
    for (const event of early) {
      const row = event >> 1;
      for (const followed of this.#audience(row, lane)) this.#tell(followed, row, (event & 1) === 1);
    }
  }

  #noted(note: PlacedNote): void {
    for (const followed of this.#ofAll) {
      followed.follower.noted(note);
      this.#ask(followed);
    }
  }

  #tell(followed: Followed, row: number, ended: boolean): void {
    if (followed.suspended || this.#ended) return;
    if (isLog(this.#builder.growing.columns, row) !== (followed.guarantee === 'log')) return;
    if (!ended) {
      followed.follower.invoked(row);
      return;
    }
    followed.follower.completed(row);
    this.#ask(followed);
  }

  #ask(followed: Followed): void {
    if (followed.suspended || this.#ended) return;
    const anomaly = followed.follower.broken();
    if (anomaly === undefined) return;
    const { guarantee, writePath, readPaths } = followed;
    const { system, struck, broke } = this.#options;
    const paths = readPaths.length === 0 ? [undefined] : readPaths;
    const suspended = struck().some((fault) =>
      paths.some((readPath) =>
        system.suspends?.(fault, {
          guarantee,
          ...(writePath !== undefined && { writePath }),
          ...(readPath !== undefined && { readPath }),
        }),
      ),
    );
    followed.suspended = suspended;
    if (suspended) return;
    this.#ended = true;
    const { kind, sentence } = anomaly;
    const readPath = readPaths.join(' + ');
    broke({
      guarantee,
      ...(writePath !== undefined && { writePath }),
      ...(readPath !== '' && { readPath }),
      event: this.#index,
      kind,
      sentence,
    });
  }

  #begin(guarantee: Guarantee): void {
    const { system, writePaths, rows } = this.#options;
    switch (guarantees[guarantee].scope) {
      case 'system':
        if (system.always.includes(guarantee)) this.#ofAll.push(...this.#follow(guarantee, undefined, []));
        return;
      case 'write path':
        for (const path of writePaths) {
          if (system.promisesOfWrites(path).includes(guarantee)) this.#ofAll.push(...this.#follow(guarantee, path, []));
        }
        return;
      case 'row':
        for (const [lane, writePath] of writePaths.entries()) {
          const promised = rows
            .filter((row) => row.writePath === writePath)
            .map((row) => row.readPath)
            .filter((readPath) => system.promises(writePath, readPath).includes(guarantee));
          for (const readPath of promised) this.#followRow(guarantee, lane, [readPath]);
          if (guarantee === 'linearizable' && promised.length > 1) this.#followRow(guarantee, lane, promised);
        }
    }
  }

  #followRow(guarantee: Guarantee, lane: number, readPaths: readonly string[]): void {
    for (const followed of this.#follow(guarantee, this.#options.writePaths[lane], readPaths)) {
      this.#ofLane[lane].push(followed);
      for (const readPath of readPaths) {
        const path = this.#number(this.#builder.tables.paths, readPath);
        const readers = this.#ofReads[lane].get(path);
        if (readers === undefined) this.#ofReads[lane].set(path, [followed]);
        else readers.push(followed);
      }
    }
  }

  /** None where the checker cannot be followed. */
  #follow(guarantee: Guarantee, writePath: string | undefined, readPaths: readonly string[]): Followed[] {
    const { checkers, system } = this.#options;
    const { growing } = this.#builder;
    const checker = checkers.get(guarantee);
    if (checker?.follow === undefined) return [];
    const part: Growing = {
      get columns() {
        return growing.columns;
      },
      values: growing.values,
      paths: growing.paths,
      writes: readPaths.length === 0 ? growing.writes : this.#writesOfLane(writePath),
      snapshot: () => {
        const whole = growing.snapshot();
        return spokenOf(guarantee, readPaths.length === 0 ? whole : this.#part(whole, writePath, readPaths));
      },
    };
    const isOfPath = guarantees[guarantee].scope === 'write path' && writePath !== undefined;
    const semantics: Semantics = {
      ...defaultSemantics,
      thread: threadOf(system.readPaths, readPaths.length === 1 ? readPaths[0] : undefined),
      ...(isOfPath && { blame: writePath }),
    };
    const budget = asks(ASKS_MAX);
    const follower =
      guarantee === 'linearizable'
        ? followLinearizable(checker, part, budget, semantics)
        : checker.follow(part, budget, semantics);
    return [{ guarantee, writePath, readPaths, follower, suspended: false }];
  }

  /** The followers of a lane all hear of each write of it. */
  #writesOfLane(writePath: string | undefined): object {
    const lane = this.#options.writePaths.indexOf(writePath ?? '');
    return lane === -1 ? this.#builder : this.#ofLane[lane];
  }

  /** The rows that the followers of a row of the matrix are told of. */
  #part(whole: History, writePath: string | undefined, readPaths: readonly string[]): History {
    const { writePaths } = this.#options;
    const lanes = withLogs(whole, keysByWritePath(whole, writePaths), writePaths);
    const lane = writePaths.indexOf(writePath ?? '');
    const own = whole.paths.indexOf(writePath ?? '');
    const paths = new Set(readPaths.map((readPath) => whole.paths.indexOf(readPath)));
    const { key, path } = whole;
    return whole.filter(
      (row) => lanes[key[row]] === lane && (paths.has(path[row]) || isOfWritePath(whole, row, path[row] === own)),
    );
  }
}

function asks(most: number): Budget {
  let asked = 0;
  return { spent: () => (++asked > most ? 'the step budget of a promise that is followed is spent' : undefined) };
}
