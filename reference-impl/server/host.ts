/**
 * Drives the core: hands it what arrives, with the time read after it has arrived, and carries out its effects.
 *
 * The order that safety rests on is the core's: it sends and answers only what it may say given which writes are synced.
 * What this shell adds is that effects leave after the step that made them (at the end of the turn), and that nothing
 * leaves any more once a step has failed.
 */
import type { Bundle } from '../core/messages.ts';
import type {
  DiskState,
  DiskWrite,
  Effects,
  GroupId,
  NodeId,
  ReplicaEvent,
  Request,
  Response,
  Status,
  Steps,
  Timer,
} from '../core/types.ts';
import { Alarms } from './alarms.ts';
import { monotonicMs, sleep, wallMs, wallTime } from './clock.ts';
import type { Log } from './log.ts';
import type { Metrics, PathMetrics } from './metrics.ts';
import { type SnapshotPolicy, Snapshotting } from './snapshotting.ts';
import type { RollbackRecord, Storage } from './storage.ts';

/** Whoever asked, and is told under its own number. */
export interface Asker {
  answer(number: number, response: Response): void;
}

interface Pending {
  readonly asker: Asker;
  readonly number: number;
  readonly path: PathMetrics;
  readonly startedMs: number;
}

/** How long a node that is stopped waits for its rollback file. */
const KEEP_UNDONE_MS = 5000;

export interface HostOptions {
  readonly boot: (nowMs: number, out: Effects<Bundle>) => Steps<Bundle>;
  readonly storage: Storage;
  readonly send: (to: NodeId, bundle: Bundle) => void;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly snapshots: SnapshotPolicy;
  /** Of writes that do not say, for the metrics. */
  readonly acknowledgement: string;
  /** The node cannot go on. Must not return to the event loop. */
  readonly fatal: (error: unknown) => never;
  readonly told: (event: ReplicaEvent) => void;
}

export class Host implements Effects<Bundle> {
  readonly #options: HostOptions;
  readonly #alarms: Alarms;
  readonly #core: Steps<Bundle>;
  readonly #snapshots: Snapshotting;
  readonly #pending = new Map<number, Pending>();
  /** Of a request, to the core. */
  #number = 0;
  /** When the step under way began. */
  #nowMs = 0;
  /** Writes that wait until what they undo is in the rollback file. */
  #held: DiskWrite[] = [];
  #undoing = 0;
  #stopped = false;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#alarms = new Alarms((timer) => this.#fired(timer));
    this.#snapshots = new Snapshotting(options.snapshots, options.storage, options.log, {
      open: (group) => this.#core.snapshot(group),
      compacted: (group, index) => this.#attempt(() => this.#core.compacted(group, index)),
    });
    this.#core = options.boot(this.#now(), this);
  }

  // What happens. ----------------------------------------------------------------------------------------------------

  readonly deliver = (from: NodeId, bundle: Bundle): void => {
    if (this.#stopped) return;
    try {
      this.#core.receive(from, bundle, this.#now(), this);
    } catch (error) {
      this.#options.fatal(error);
    }
  };

  readonly ask = (asker: Asker, number: number, body: Request): void => {
    if (this.#stopped) return;
    const { metrics, acknowledgement, fatal } = this.#options;
    const nowMs = this.#now();
    const request = ++this.#number;
    this.#pending.set(request, { asker, number, path: metrics.pathOf(body, acknowledgement), startedMs: nowMs });
    const stamped =
      body.type === 'write' || body.type === 'cas' ? Object.assign(body, { stampMs: Math.floor(wallMs()) }) : body;
    try {
      this.#core.request(request, stamped, nowMs, this);
    } catch (error) {
      fatal(error);
    }
  };

  readonly synced = (ticket: number): void => {
    this.#attempt(() => this.#core.synced(ticket, this.#now(), this));
  };

  readonly diskChanged = (state: DiskState): void => {
    this.#attempt(() => this.#core.diskChanged(state, this.#now(), this));
  };

  elect(group: GroupId, term: number | undefined): void {
    this.#attempt(() => this.#core.elect(group, term, this.#now(), this));
  }

  #fired(timer: Timer): void {
    this.#attempt(() => this.#core.fired(timer, this.#now(), this));
  }

  #attempt(step: () => void): void {
    if (this.#stopped) return;
    try {
      step();
    } catch (error) {
      this.#options.fatal(error);
    }
  }

  #now(): number {
    this.#nowMs = monotonicMs();
    return this.#nowMs;
  }

  status(): readonly Status[] {
    return this.#core.statuses();
  }

  get waiting(): number {
    return this.#pending.size;
  }

  waitingByPath(): { readonly path: string; readonly requests: number; readonly oldestMs: number }[] {
    const now = monotonicMs();
    const byPath = new Map<string, { path: string; requests: number; oldestMs: number }>();
    for (const { path, startedMs } of this.#pending.values()) {
      const { name } = path;
      const found = byPath.get(name) ?? { path: name, requests: 0, oldestMs: 0 };
      found.requests++;
      found.oldestMs = Math.max(found.oldestMs, now - startedMs);
      byPath.set(name, found);
    }
    return [...byPath.values()];
  }

  get snapshotsWritten(): number {
    return this.#snapshots.written;
  }

  /** Nothing is taken in any more; resolves when nothing is on its way to the disk but what `storage.close` waits for. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#alarms.close();
    // What is held back until entries are in the rollback file goes to the log, which is closed next.
    const untilMs = monotonicMs() + KEEP_UNDONE_MS;
    while (this.#undoing > 0 && monotonicMs() < untilMs) await sleep(5);
    await this.#snapshots.idle();
  }

  // Effects. ---------------------------------------------------------------------------------------------------------

  send(to: NodeId, bundle: Bundle): void {
    this.#options.send(to, bundle);
  }

  write(write: DiskWrite): void {
    this.#snapshots.writing(write);
    if (this.#undoing === 0) this.#options.storage.write(write);
    else this.#held.push(write);
  }

  timer(timer: Timer, minMs: number, maxMs: number): void {
    this.#alarms.arm(timer, minMs, maxMs);
  }

  disarm(timer: Timer): void {
    this.#alarms.disarm(timer);
  }

  answer(request: number, response: Response): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) throw new Error(`request ${request} is answered, and nobody has asked it`);
    this.#pending.delete(request);
    this.#options.metrics.answered(pending.path, response, this.#nowMs - pending.startedMs);
    pending.asker.answer(pending.number, response);
  }

  tell(event: ReplicaEvent): void {
    this.#options.metrics.happened(event);
    if (event.type === 'committed') {
      this.#snapshots.committed(event.group ?? 'g0', event.index);
      return;
    }
    if (event.type === 'truncated') this.#keepUndone(event);
    this.#options.told(event);
  }

  /** What is undone goes to the rollback file before it goes from the log: a crash in between must not lose it. */
  #keepUndone({
    group = 'g0',
    entries,
    overwrote,
    acknowledgedAt,
    committedAt = [],
    foundAt = [],
    unknownAt = [],
  }: Extract<ReplicaEvent, { type: 'truncated' }>): void {
    const at = wallTime();
    const committed = new Set(committedAt);
    const unknown = new Set(unknownAt);
    const found = new Set(foundAt);
    const acknowledged = new Set(acknowledgedAt);
    // Whoever led may have told somebody; of the beginning of a term there was nobody to tell.
    for (const { index, command } of entries) {
      if (committed.has(index) && command.type !== 'noop') acknowledged.add(index);
    }
    const records = entries.map(
      (entry, i): RollbackRecord => ({
        group,
        entry,
        acknowledged: acknowledged.has(entry.index),
        at,
        ...(overwrote[i] !== undefined && { overwrote: overwrote[i] }),
        ...(unknown.has(entry.index) && { overwroteUnknown: true }),
        ...(committed.has(entry.index) && { committed: true }),
        ...(found.has(entry.index) && { acknowledgedUnknown: true }),
      }),
    );
    const { storage, fatal, log } = this.#options;
    const why = committed.size > 0 ? `: ${committed.size} were committed` : '';
    const rest = found.size > 0 ? `; of ${found.size}, from before a restart, that is not known` : '';
    const which = `${acknowledged.size} of them acknowledged${why}${rest}`;
    log.say('warning', `${entries.length} entries of ${group} are undone, ${which}`);
    this.#undoing++;
    storage.keepUndone(records).then(
      () => {
        if (--this.#undoing > 0) return;
        const held = this.#held;
        this.#held = [];
        for (const write of held) storage.write(write);
      },
      (error: unknown) => fatal(error),
    );
  }
}
