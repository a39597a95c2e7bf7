/**
 * Drives clients: deals sessions to the rows of the matrix, lets operations arrive, records what was asked and what came
 * of it. Open loop: arrivals come at a set rate whatever the store does, wait in a bounded queue while their session is
 * busy, and are timed from when they were meant to start. Closed loop: each session asks again after a pause.
 */
import { type Clock, SECOND } from '../history/clock.ts';
import type { Instant, Key, Outcome, Process } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import type { Client, ClientOptions } from '../history/store.ts';
import type { Call, Reply, Script, SessionContext, Workload, WorkloadOptions } from '../workloads/workload.ts';
import { Arrivals } from './arrivals.ts';
import { ask, completed, failed, timedOut } from './ask.ts';
import { Reasons } from './reasons.ts';
import type { Completed, Recorder } from './recorder.ts';

/** A row of the matrix: what a session writes and reads with. */
export interface Row {
  readonly writePath: string;
  readonly readPath: string;
}

export type Load = OpenLoad | { readonly type: 'closed'; readonly thinkNs: number };

/** Looked at before each arrival: whoever made it may change rate and row while it goes on. */
export interface OpenLoad {
  readonly type: 'open';
  readonly perSecond: number;
  readonly queueMax: number;
  /** Number of the only row whose sessions are given arrivals; all if not given. */
  readonly row?: number | undefined;
  /** Told of each arrival: when it was meant to be, and whether its session's queue was full. */
  arrived?(intended: Instant, shed: boolean): void;
}

export interface DriverOptions {
  readonly clock: Clock;
  readonly recorder: Pick<Recorder, 'invoke' | 'complete'>;
  readonly random: Random;
  readonly connect: (options: ClientOptions) => Promise<Client>;
  readonly rows: readonly Row[];
  readonly writePaths: readonly string[];
  readonly workloads: readonly Workload[];
  readonly workloadOptions: WorkloadOptions;
  /** How many sessions there are in all; at least one per row. */
  readonly sessions: number;
  readonly regions: readonly string[];
  readonly load: Load;
  readonly timeoutNs: number;
}

/** What was counted, beside the journal. `shed`: arrivals that found their session's queue full. */
export interface DriverCounts {
  invoked: number;
  ok: number;
  mismatch: number;
  refused: number;
  info: number;
  shed: number;
}

const DEVICES = ['d1', 'd2'] as const;

/** The session of the reads that end a run; they are the harness's own, not a workload's. */
export const EPILOGUE_SESSION = 'epilogue';

interface Device {
  readonly name: string;
  readonly home: string;
  process: Process;
  /** Processes this device has had. */
  attempt: number;
  client: Client | undefined;
}

/** An operation that was sent and has not ended. */
interface Flight {
  readonly session: Session;
  readonly device: Device;
  readonly client: Client;
  readonly call: Call;
  readonly path: string;
  readonly deadline: Instant;
}

interface Session {
  readonly context: SessionContext;
  readonly row: Row;
  readonly script: Script;
  readonly devices: readonly Device[];
  /** Arrivals that wait, oldest first: when they were meant to start. */
  readonly waiting: Instant[];
  reply: Reply;
  busy: boolean;
}

const NOTHING_YET: Reply = { outcome: 'info', value: null };

export class Driver {
  /** Why operations were refused, or nobody knows what became of them. */
  readonly reasons = new Reasons();
  readonly arrivals = new Arrivals();
  readonly counts: DriverCounts = { invoked: 0, ok: 0, mismatch: 0, refused: 0, info: 0, shed: 0 };
  readonly #options: DriverOptions;
  readonly #sessions: Session[] = [];
  readonly #written = new Map<string, Set<Key>>();
  readonly #sent = new Map<string, Set<Key>>();
  /** In the order in which they were sent, which is that of their deadlines; who has ended is kept no longer. */
  readonly #flights = new Set<Flight>();
  #deadlineArmed = false;
  #nextProcess = 0;
  #nextValue = 1;
  #inFlight = 0;
  #running = false;
  #drained: (() => void) | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
    for (const path of options.writePaths) {
      this.#written.set(path, new Set());
      this.#sent.set(path, new Set());
    }
    for (let i = 0; i < options.sessions; i++) this.#sessions.push(this.#session(i));
  }

  /** Connects every session's first device, where connecting takes its time: it is no part of any latency then. */
  async connect(): Promise<void> {
    await Promise.all(
      this.#sessions.map(async (session) => {
        const [device] = session.devices;
        device.client ??= await this.#connect(session, device, undefined);
      }),
    );
  }

  /** Lets operations arrive from now on. */
  start(): void {
    this.#running = true;
    const { load, random, clock } = this.#options;
    const arrivals = random.fork('arrivals');
    if (load.type === 'closed') {
      for (const session of this.#sessions) this.#begin(session, undefined);
      return;
    }
    const gap = (): Instant => arrivals.exponential(SECOND / load.perSecond);
    const arrive = (due: Instant): void => {
      let intended = due;
      do {
        if (!this.#running) return;
        // A real timer may come early, by a millisecond or two: what is sent now was not meant for later.
        this.#arrive(load, arrivals, Math.min(intended, clock.now()));
        intended += gap();
        // A real timer comes late by a millisecond or more: then all that were due arrive at once.
      } while (intended < clock.now());
      const next = intended;
      clock.timer(next, () => arrive(next));
    };
    const first = clock.now() + gap();
    clock.timer(first, () => arrive(first));
  }

  #arrive(load: OpenLoad, arrivals: Random, intended: Instant): void {
    const { rows } = this.#options;
    const { length } = this.#sessions;
    // Sessions are dealt to the rows in turn.
    const i =
      load.row === undefined
        ? arrivals.below(length)
        : load.row + rows.length * arrivals.below(Math.ceil((length - load.row) / rows.length));
    const session = this.#sessions[i];
    const shed = session.busy && session.waiting.length >= load.queueMax;
    load.arrived?.(intended, shed);
    this.arrivals.add(intended, shed);
    if (shed) this.counts.shed++;
    else if (session.busy) session.waiting.push(intended);
    else this.#begin(session, intended);
  }

  /** No new operation begins. */
  halt(): void {
    this.#running = false;
    for (const session of this.#sessions) session.waiting.length = 0;
  }

  /** No new operation begins; resolves when those in flight have ended (each has a deadline). */
  async stop(): Promise<void> {
    this.halt();
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    for (const session of this.#sessions) for (const device of session.devices) await device.client?.close();
  }

  /** The keys that were asked to be written through this path. */
  keysWritten(writePath: string): readonly Key[] {
    return [...(this.#written.get(writePath) ?? [])];
  }

  /** The logs that something was sent to through this path. */
  logsSent(writePath: string): readonly Key[] {
    return [...(this.#sent.get(writePath) ?? [])];
  }

  /** One operation outside the load (the epilogue): asks, records, and tells how it ended. */
  async once(client: Client, process: Process, call: Call, path: string): Promise<Completed> {
    const { clock, recorder, timeoutNs } = this.#options;
    recorder.invoke(process, call, EPILOGUE_SESSION, 'd1', path, undefined);
    const result = await new Promise<Completed>((resolve) => {
      const cancel = clock.timer(clock.now() + timeoutNs, () => resolve(timedOut(call)));
      const end = (result: Completed): void => {
        cancel();
        resolve(result);
      };
      void ask(client, call, clock.now() + timeoutNs).then(
        (answer) => end(completed(call, answer)),
        (error: unknown) => end(failed(call, error)),
      );
    });
    recorder.complete(process, call, path, result);
    return result;
  }

  /** A process number that nobody has had. */
  newProcess(): Process {
    return this.#nextProcess++;
  }

  #session(i: number): Session {
    const { rows, workloads, writePaths, random, regions, workloadOptions } = this.#options;
    const row = rows[i % rows.length];
    const turn = Math.floor(i / rows.length);
    const workload = workloads[turn % workloads.length];
    const context: SessionContext = {
      id: `s${i}`,
      index:
        Math.floor(turn / workloads.length) * readersPerLane(rows, row) +
        rows.filter((r) => r.writePath === row.writePath).indexOf(row),
      lane: writePaths.indexOf(row.writePath),
      devices: DEVICES,
      unique: () => this.#nextValue++,
      options: workloadOptions,
    };
    const homes = random.fork(`homes/${i}`).shuffle(regions);
    return {
      context,
      row,
      script: workload.script(context, random.fork(`script/${i}`)),
      devices: DEVICES.map((name, d) => ({
        name,
        home: homes[d % homes.length],
        process: this.#nextProcess++,
        attempt: 0,
        client: undefined,
      })),
      waiting: [],
      reply: NOTHING_YET,
      busy: false,
    };
  }

  #begin(session: Session, intended: Instant | undefined): void {
    session.busy = true;
    this.#inFlight++;
    const step = session.script.next(session.reply);
    if (step.done) throw new Error(`the script of session ${session.context.id} ended: a workload's script never does`);
    const call = step.value;
    const device = deviceNamed(session.devices, call.device);
    if (device.client !== undefined) this.#send(session, device, device.client, call, intended);
    else {
      void this.#connect(session, device, undefined).then((client) => {
        device.client = client;
        this.#send(session, device, client, call, intended);
      });
    }
  }

  #connect(session: Session, device: Device, predecessor: Client | undefined): Promise<Client> {
    const token = predecessor?.token?.();
    return this.#options.connect({
      session: session.context.id,
      device: device.name,
      home: device.home,
      readPath: session.row.readPath,
      writePath: session.row.writePath,
      attempt: device.attempt,
      ...(token !== undefined && { token }),
    });
  }

  #send(session: Session, device: Device, client: Client, call: Call, intended: Instant | undefined): void {
    const { clock, recorder, timeoutNs } = this.#options;
    const writes = keysWrittenBy(call);
    const path = writes.length > 0 || call.f === 'send' ? session.row.writePath : session.row.readPath;
    for (const key of writes) this.#written.get(session.row.writePath)?.add(key);
    if (call.f === 'send') this.#sent.get(session.row.writePath)?.add(call.key);
    this.counts.invoked++;
    recorder.invoke(device.process, call, session.context.id, device.name, path, intended);
    const flight: Flight = { session, device, client, call, path, deadline: clock.now() + timeoutNs };
    this.#flights.add(flight);
    this.#watchDeadlines();
    void ask(client, call, flight.deadline).then(
      (answer) => this.#finish(flight, completed(call, answer)),
      (error: unknown) => this.#finish(flight, failed(call, error)),
    );
  }

  #finish(flight: Flight, result: Completed): void {
    if (!this.#flights.delete(flight)) return; // ended by its deadline
    const { session, device, client, call, path } = flight;
    this.#options.recorder.complete(device.process, call, path, result);
    this.#end(session, device, client, result);
  }

  /** All operations have the same time, so their deadlines come in the order in which they were sent: one timer will do. */
  #watchDeadlines(): void {
    if (this.#deadlineArmed) return;
    const [oldest] = this.#flights;
    if (oldest === undefined) return;
    this.#deadlineArmed = true;
    this.#options.clock.timer(oldest.deadline, () => {
      this.#deadlineArmed = false;
      const now = this.#options.clock.now();
      for (const flight of this.#flights) {
        if (flight.deadline > now) break;
        this.#finish(flight, timedOut(flight.call));
      }
      this.#watchDeadlines();
    });
  }

  #end(session: Session, device: Device, client: Client, { outcome, value, error }: Completed): void {
    this.#count(outcome, error);
    session.reply = error === undefined ? { outcome, value } : { outcome, value, error };
    if (outcome !== 'info') return this.#idle(session);
    // Nobody knows what became of it: the process is retired, and its successor carries on with what it had seen.
    device.process = this.#nextProcess++;
    device.attempt++;
    void this.#connect(session, device, client).then(async (successor) => {
      device.client = successor;
      await client.close();
      this.#idle(session);
    });
  }

  #idle(session: Session): void {
    session.busy = false;
    this.#inFlight--;
    const { load, clock } = this.#options;
    if (!this.#running) {
      if (this.#inFlight === 0) this.#drained?.();
    } else if (load.type === 'closed') {
      clock.timer(clock.now() + load.thinkNs, () => this.#running && this.#begin(session, undefined));
    } else {
      const intended = session.waiting.shift();
      if (intended !== undefined) this.#begin(session, intended);
    }
  }

  #count(outcome: Outcome, error: string | undefined): void {
    if (outcome === 'ok') this.counts.ok++;
    else if (error === 'mismatch' && outcome !== 'info') this.counts.mismatch++;
    else {
      this.counts[outcome === 'info' ? 'info' : 'refused']++;
      this.reasons.add(outcome === 'info' ? 'unknown' : 'refused', error);
    }
  }
}

function keysWrittenBy(call: Call): readonly Key[] {
  if (call.f === 'write' || call.f === 'cas') return [call.key];
  return call.f === 'txn' ? call.steps.flatMap(([f, key]) => (f === 'w' ? [key] : [])) : [];
}

function readersPerLane(rows: readonly Row[], row: Row): number {
  return rows.filter((other) => other.writePath === row.writePath).length;
}

/** A call that names none is the first one's. */
function deviceNamed(devices: readonly Device[], name: string | undefined): Device {
  for (const device of devices) if (device.name === name) return device;
  return devices[0];
}
