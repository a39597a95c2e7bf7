/**
 * The runner of faults: injects and heals on time, when a trigger fires, or as soon as there is somebody to strike; writes down
 * what it did, and ends healed, whatever happens.
 *
 * What it notes, `f` being the fault's name:
 * `{do: 'inject', id, targets}`, `{do: 'heal', id, targets, effect}`, `{do: 'skipped', reason}`; where a plan has streams, the
 * first and the last with `stream` and `nth`, and with `because` where a trigger fired.
 */
import { type Clock, MILLISECOND } from '../history/clock.ts';
import type { Instant, NodeId, Value } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import { aimAt, isRandom, nodesUp } from './aim.ts';
import type { Aim, Effect, Fault, Injected, Strike, Target } from './fault.ts';
import { Armed, type Seen, type Trigger } from './triggers.ts';

/** Why a strike came to nothing where its lever was not even pulled; any other reason is why that failed. */
export const NOBODY = 'nobody to strike';
/** How often it is looked whether there is somebody to strike. */
const LOOK_NS = 50 * MILLISECOND;

export interface NemesisOptions {
  readonly clock: Clock;
  /** Must offer every lever that the faults name. */
  readonly target: Target;
  readonly faults: readonly Fault[];
  readonly random: Random;
  readonly note: (fault: string, value: Value) => void;
  /** What was struck in the run that this one replays: chance chooses the same nodes, triggers fire no more often. */
  readonly before?: readonly Struck[];
  /** False: that run was killed, so that triggers may well have fired later. */
  readonly beforeIsWhole?: boolean;
}

/** A fault that was injected and healed (or could not be healed: see what `stop` returns). */
export interface Injury {
  readonly id: number;
  readonly fault: string;
  readonly targets: readonly NodeId[];
  readonly from: Instant;
  readonly until: Instant;
  readonly effect: Effect;
}

/** A strike as it was carried out: what a replay does again. */
export interface Struck {
  /** Its stream (none where the plan has none), and its number in it, from 1. */
  readonly stream?: string;
  readonly nth: number;
  readonly fault: string;
  readonly at: Instant;
  readonly durationNs: number;
  /** Nobody: it came to nothing, and `skipped` says why: {@link NOBODY}, or how the lever failed. */
  readonly targets: readonly NodeId[];
  readonly skipped?: string;
  /** Why it could not be healed; absent where it was. */
  readonly unhealed?: string;
  /** Who led when it struck. */
  readonly leader?: NodeId;
  readonly because?: Seen;
}

/** A strike whose time has come. */
interface Due {
  readonly id: number;
  readonly strike: Strike;
  readonly nth: number;
  readonly because: Seen | undefined;
  /** When it was first tried, and is tried next. */
  readonly from: Instant;
  readonly next: Instant;
}

/** A strike to come; `because` of a trigger that has fired. */
interface Coming {
  readonly strike: Strike;
  readonly because?: Seen;
}

interface InForce {
  readonly id: number;
  readonly fault: string;
  readonly from: Instant;
  readonly until: Instant;
  readonly injected: Injected;
  readonly told: Readonly<Record<string, Value>>;
  /** Its place among all that was struck. */
  readonly place: number;
}

export class Nemesis {
  readonly #options: NemesisOptions;
  readonly #faults: ReadonlyMap<string, Fault>;
  readonly #before: ReadonlyMap<string, Struck>;
  #coming: Coming[] = [];
  #armed: readonly Armed[] = [];
  /** Those that wait for somebody to strike. */
  #waiting: Due[] = [];
  #inForce: InForce[] = [];
  /** Whose time is over, and whose cure takes its own. */
  readonly #curing = new Map<InForce, Promise<void>>();
  readonly #records: Injury[] = [];
  readonly #struck: Struck[] = [];
  readonly #failures: string[] = [];
  readonly #skipped = new Map<string, number>();
  readonly #begun = new Set<string>();
  readonly #ofStream = new Map<string, number>();
  #injections = 0;
  #stopped = false;
  /** Injections and cures under way, and how many injections there were. */
  #acting = 0;
  #injected = 0;
  #wake: (() => void) | undefined;
  #done: Promise<void> = Promise.resolve();

  constructor(options: NemesisOptions) {
    this.#options = options;
    this.#faults = new Map(options.faults.map((fault) => [fault.name, fault]));
    this.#before = new Map(options.before?.map((struck) => [placeOf(struck.stream, struck.nth), struck]));
  }

  /** Those that have ended, in the order of their ends. */
  get records(): readonly Injury[] {
    return this.#records;
  }

  /** All strikes that were tried, in the order in which they struck or were given up. */
  get struck(): readonly Struck[] {
    return this.#struck;
  }

  /** Strikes that came to nothing, by fault. */
  get skipped(): readonly (readonly [fault: string, times: number])[] {
    return [...this.#skipped];
  }

  /** Names of the faults that were tried so far, with or without success. */
  get begun(): readonly string[] {
    return [...this.#begun];
  }

  /** How often each trigger has fired, by its stream. */
  get fired(): readonly (readonly [stream: string, times: number])[] {
    return this.#armed.map(({ trigger, fired }) => [trigger.stream, fired]);
  }

  /** Names of the faults in force, oldest first. */
  inForce(): readonly string[] {
    return [...this.#curing.keys(), ...this.#inForce].map(({ fault }) => fault);
  }

  /** Undefined: a fault is in force, or about to be; else a number that is another one once there was a fault again. */
  get rest(): number | undefined {
    return this.#acting + this.#inForce.length > 0 ? undefined : this.#injected;
  }

  /** Carries out the strikes, which are in order of time, and heals each when its time is over. At most once. */
  start(strikes: readonly Strike[], triggers: readonly Trigger[] = []): void {
    for (const { fault } of [...strikes, ...triggers.map(({ deed }) => deed)])
      if (!this.#faults.has(fault)) throw new Error(`no fault '${fault}' was given to the nemesis`);
    this.#coming = strikes.map((strike) => ({ strike }));
    this.#armed = triggers.map((trigger) => new Armed(this.#asBefore(trigger)));
    this.#done = this.#carryOut().catch((error: unknown) => void this.#failures.push(`nemesis: ${messageOf(error)}`));
  }

  /** Told what is seen of the cluster. Nothing is done before the clock's next turn. */
  observe(seen: Seen): void {
    const { clock } = this.#options;
    const now = clock.now();
    for (const armed of this.#armed) {
      if (this.#stopped || !armed.fires(seen, now)) continue;
      const { stream, deed, durationNs, afterNs, patienceNs, until } = armed.trigger;
      const at = now + afterNs;
      if (at >= until) continue;
      const strike = { ...deed, at, durationNs, stream, patienceNs, endBy: until };
      const later = this.#coming.findIndex((other) => other.strike.at > at);
      this.#coming.splice(later < 0 ? this.#coming.length : later, 0, { strike, because: seen });
      clock.timer(now, () => this.#wake?.());
    }
  }

  /**
   * Heals all that is in force, newest first, and begins nothing more; then what has to ask the cluster. Resolves to the sentences of what could not be
   * injected or healed; none is good. May be called again.
   */
  async stop(): Promise<readonly string[]> {
    this.#stopped = true;
    this.#wake?.();
    await this.#done;
    for (const due of this.#waiting.splice(0)) this.#giveUp(due);
    const asking = this.#inForce.filter(({ fault }) => this.#cureAsks(fault)).reverse();
    for (const ended of this.#inForce.filter(({ fault }) => !this.#cureAsks(fault)).reverse()) await this.#heal(ended);
    for (const ended of asking) this.#beginCure(ended);
    await Promise.all(this.#curing.values());
    return this.#failures;
  }

  async #carryOut(): Promise<void> {
    while (!this.#stopped) {
      const ending = earliest(this.#inForce, ({ until }) => until);
      const waiting = earliest(this.#waiting, ({ next }) => next);
      const coming = this.#coming.at(0);
      const at = Math.min(ending?.until ?? NEVER, waiting?.next ?? NEVER, coming?.strike.at ?? NEVER, this.#armedUntil);
      if (at === NEVER) return;
      await this.#reach(at);
      // At the same instant the cure comes first, so that no more than planned are in force.
      if (this.#stopped) return;
      if (this.#options.clock.now() < at) continue; // a trigger has fired
      if (ending?.until === at) {
        if (this.#cureAsks(ending.fault)) this.#beginCure(ending);
        else await this.#heal(ending);
      } else if (waiting?.next === at) {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        await this.#inject({ ...waiting, next: this.#options.clock.now() + LOOK_NS });
      } else if (coming?.strike.at === at) {
        this.#coming.shift();
        await this.#begin(coming);
      }
    }
  }

  /** Until when a trigger may fire; there is nothing to wait for once all have fired as often as they may. */
  get #armedUntil(): Instant {
    const now = this.#options.clock.now();
    const open = this.#armed.filter(({ trigger, fired }) => trigger.until > now && fired < (trigger.timesMax ?? NEVER));
    return open.length === 0 ? NEVER : Math.max(...open.map(({ trigger }) => trigger.until));
  }

  /** Until then, or until told to stop or of something new. */
  #reach(at: Instant): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.clock.timer(at, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #begin({ strike, because }: Coming): Promise<void> {
    const from = this.#options.clock.now();
    const nth = (this.#ofStream.get(strike.stream ?? '') ?? 0) + 1;
    this.#ofStream.set(strike.stream ?? '', nth);
    this.#begun.add(strike.fault);
    return this.#inject({ id: ++this.#injections, strike, nth, because, from, next: from + LOOK_NS });
  }

  async #inject(due: Due): Promise<void> {
    const { clock, note, random, target } = this.#options;
    const { id, strike, nth, because, from } = due;
    const fault = this.#faults.get(strike.fault);
    if (fault === undefined) return; // start() has made sure of it
    // Streams do not depend on one another, nor on how often triggers fire.
    const own = random.fork(strike.stream === undefined ? id : placeOf(strike.stream, nth));
    const begun = clock.now();
    target.aim?.(random.fork(`aim ${id}`), because !== undefined && 'group' in because ? because.group : undefined);
    const leader = target.leader();
    const aim = this.#aimOf(due, fault, own);
    let injected: Injected | undefined;
    try {
      if (aim !== undefined) {
        this.#acting++;
        this.#injected++;
        injected = await fault.inject(target, own, (ns) => clock.sleepUntil(clock.now() + ns), aim);
      }
    } catch (error) {
      this.#failures.push(`${fault.name} could not be injected: ${messageOf(error)}`);
      this.#log(due, [], { skipped: messageOf(error) });
      return note(fault.name, { do: 'skipped', reason: messageOf(error) });
    } finally {
      if (aim !== undefined) this.#acting--;
    }
    if (injected === undefined) {
      if (!this.#stopped && due.next <= this.#patienceOf(due)) this.#waiting.push(due);
      else this.#giveUp(due);
      return;
    }
    const { durationNs, endBy } = strike;
    const until = endBy === undefined ? from + durationNs : Math.min(begun + durationNs, endBy);
    const told = {
      ...(strike.stream !== undefined && { stream: strike.stream, nth }),
      ...(because !== undefined && { because }),
    };
    const place = this.#log(due, injected.targets, leader === undefined ? {} : { leader });
    this.#inForce.push({ id, fault: fault.name, from: begun, until, injected, told, place });
    note(fault.name, { do: 'inject', id, targets: [...injected.targets], ...told });
    this.#tell('injected', fault.name, injected.targets);
  }

  /** Undefined: nobody has the role. */
  #aimOf({ strike, nth, because }: Due, fault: Fault, random: Random): Aim | undefined {
    const { target } = this.#options;
    const figures = strike.figures === undefined ? {} : { figures: strike.figures };
    const nodes = strike.target === undefined ? [] : aimAt(strike.target, target, random.fork('aim'), because?.node);
    if (strike.target !== undefined && nodes.length === 0) return undefined;
    const again = this.#sameAsBefore(strike, nth, fault);
    if (again !== undefined) return { nodes: again, ...figures };
    return { ...(nodes.length > 0 && { nodes }), ...figures };
  }

  /** Whom chance chose in the run that this one replays, if they are up, and one of them leads if one of them did. */
  #sameAsBefore({ stream, target: role }: Strike, nth: number, fault: Fault): readonly NodeId[] | undefined {
    const { target } = this.#options;
    const then = this.#before.get(placeOf(stream, nth));
    if (then === undefined || then.fault !== fault.name || then.targets.length !== 1) return undefined;
    if (fault.aimable !== true || (role !== undefined && !isRandom(role))) return undefined;
    const [node] = then.targets;
    const led = then.leader === node;
    return nodesUp(target).includes(node) && led === (target.leader() === node) ? [node] : undefined;
  }

  #asBefore(trigger: Trigger): Trigger {
    if (this.#options.before === undefined || this.#options.beforeIsWhole === false) return trigger;
    return { ...trigger, timesMax: this.#options.before.filter(({ stream }) => stream === trigger.stream).length };
  }

  /** Until when somebody may turn up. */
  #patienceOf({ strike, from }: Due): Instant {
    const { patienceNs = 0, endBy = NEVER } = strike;
    return Math.min(from + patienceNs, endBy - LOOK_NS);
  }

  #giveUp(due: Due): void {
    const { fault } = due.strike;
    this.#skipped.set(fault, (this.#skipped.get(fault) ?? 0) + 1);
    this.#log(due, [], { skipped: NOBODY });
    this.#options.note(fault, { do: 'skipped', reason: NOBODY });
  }

  /** Its place among them. */
  #log({ strike, nth, because }: Due, targets: readonly NodeId[], rest: Pick<Struck, 'skipped' | 'leader'>): number {
    const { stream, fault, durationNs } = strike;
    const length = this.#struck.push({
      ...(stream !== undefined && { stream }),
      nth,
      fault,
      at: this.#options.clock.now(),
      durationNs,
      targets: [...targets],
      ...rest,
      ...(because !== undefined && { because }),
    });
    return length - 1;
  }

  #tell(type: 'injected' | 'healed', fault: string, [node]: readonly NodeId[]): void {
    if (this.#armed.length > 0 && node !== undefined) this.observe({ type, node, fault });
  }

  #cureAsks(fault: string): boolean {
    return this.#faults.get(fault)?.cureAsks === true;
  }

  #beginCure(ended: InForce): void {
    this.#curing.set(
      ended,
      this.#heal(ended).then(() => void this.#curing.delete(ended)),
    );
  }

  async #heal(ended: InForce): Promise<void> {
    const { id, fault, from, injected, told, place } = ended;
    this.#inForce = this.#inForce.filter((other) => other !== ended);
    let error: string | undefined;
    this.#acting++;
    try {
      await injected.heal();
    } catch (thrown) {
      error = messageOf(thrown);
      this.#failures.push(`${fault} could not be healed: ${error}`);
      this.#struck[place] = { ...this.#struck[place], unhealed: error };
    } finally {
      this.#acting--;
    }
    const targets = [...injected.targets];
    const effect = injected.effect();
    this.#records.push({ id, fault, targets, from, until: this.#options.clock.now(), effect });
    this.#options.note(fault, { do: 'heal', id, targets, effect, ...told, ...(error !== undefined && { error }) });
    // What waits for its cure waits for a cure that came.
    if (error === undefined) this.#tell('healed', fault, targets);
  }
}

const NEVER = Number.POSITIVE_INFINITY;

function placeOf(stream: string | undefined, nth: number): string {
  return `${stream ?? ''}#${nth}`;
}

/** The first among equals. */
function earliest<T>(items: readonly T[], at: (item: T) => Instant): T | undefined {
  return items.reduce<T | undefined>((a, b) => (a !== undefined && at(a) <= at(b) ? a : b), undefined);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
