/**
 * The runner of faults: injects and heals on time, writes down what it did, and ends healed, whatever happens.
 *
 * What it notes, `f` being the fault's name:
 * `{do: 'inject', id, targets}`, `{do: 'heal', id, targets, effect}`, `{do: 'skipped', reason}`.
 */
import type { Clock } from '../history/clock.ts';
import type { Instant, NodeId, Value } from '../history/operation.ts';
import type { Random } from '../history/random.ts';
import type { Effect, Fault, Injected, Strike, Target } from './fault.ts';

export interface NemesisOptions {
  readonly clock: Clock;
  /** Must offer every lever that the faults name. */
  readonly target: Target;
  readonly faults: readonly Fault[];
  readonly random: Random;
  readonly note: (fault: string, value: Value) => void;
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

interface InForce {
  readonly id: number;
  readonly fault: string;
  readonly from: Instant;
  readonly until: Instant;
  readonly injected: Injected;
}

export class Nemesis {
  readonly #options: NemesisOptions;
  readonly #faults: ReadonlyMap<string, Fault>;
  #inForce: InForce[] = [];
  /** Whose time is over, and whose cure takes its own. */
  readonly #curing = new Map<InForce, Promise<void>>();
  readonly #records: Injury[] = [];
  readonly #failures: string[] = [];
  readonly #skipped = new Map<string, number>();
  readonly #begun = new Set<string>();
  #injections = 0;
  #stopped = false;
  #wake: (() => void) | undefined;
  #done: Promise<void> = Promise.resolve();

  constructor(options: NemesisOptions) {
    this.#options = options;
    this.#faults = new Map(options.faults.map((fault) => [fault.name, fault]));
  }

  /** Those that have ended, in the order of their ends. */
  get records(): readonly Injury[] {
    return this.#records;
  }

  /** Strikes that came to nothing, by fault. */
  get skipped(): readonly (readonly [fault: string, times: number])[] {
    return [...this.#skipped];
  }

  /** Names of the faults that were tried so far, with or without success. */
  get begun(): readonly string[] {
    return [...this.#begun];
  }

  /** Names of the faults in force, oldest first. */
  inForce(): readonly string[] {
    return [...this.#curing.keys(), ...this.#inForce].map(({ fault }) => fault);
  }

  /** Carries out the strikes, which are in order of time, and heals each when its time is over. At most once. */
  start(strikes: readonly Strike[]): void {
    for (const { fault } of strikes)
      if (!this.#faults.has(fault)) throw new Error(`no fault '${fault}' was given to the nemesis`);
    this.#done = this.#carryOut(strikes).catch(
      (error: unknown) => void this.#failures.push(`nemesis: ${messageOf(error)}`),
    );
  }

  /**
   * Heals all that is in force, newest first, and begins nothing more; then what has to ask the cluster. Resolves to the sentences of what could not be
   * injected or healed; none is good. May be called again.
   */
  async stop(): Promise<readonly string[]> {
    this.#stopped = true;
    this.#wake?.();
    await this.#done;
    const asking = this.#inForce.filter(({ fault }) => this.#cureAsks(fault)).reverse();
    for (const ended of this.#inForce.filter(({ fault }) => !this.#cureAsks(fault)).reverse()) await this.#heal(ended);
    for (const ended of asking) this.#beginCure(ended);
    await Promise.all(this.#curing.values());
    return this.#failures;
  }

  async #carryOut(strikes: readonly Strike[]): Promise<void> {
    let next = 0;
    while (!this.#stopped && (next < strikes.length || this.#inForce.length > 0)) {
      const ending = this.#inForce.reduce<InForce | undefined>(
        (a, b) => (a !== undefined && a.until <= b.until ? a : b),
        undefined,
      );
      const strike = strikes[next] as Strike | undefined; // the index may be past the end
      // At the same instant the cure comes first, so that no more than planned are in force.
      if (ending !== undefined && (strike === undefined || ending.until <= strike.at)) {
        await this.#reach(ending.until);
        if (this.#stopped) break;
        if (this.#cureAsks(ending.fault)) this.#beginCure(ending);
        else await this.#heal(ending);
      } else if (strike !== undefined) {
        next++;
        await this.#reach(strike.at);
        if (!this.#stopped) await this.#inject(strike);
      }
    }
  }

  /** Until then, or until told to stop. */
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

  async #inject(strike: Strike): Promise<void> {
    const { clock, note, random, target } = this.#options;
    const fault = this.#faults.get(strike.fault);
    if (fault === undefined) return; // start() has made sure of it
    this.#begun.add(fault.name);
    const from = clock.now();
    const id = ++this.#injections;
    let injected: Injected | undefined;
    target.aim?.(random.fork(`aim ${id}`));
    try {
      injected = await fault.inject(target, random.fork(id), (ns) => clock.sleepUntil(clock.now() + ns));
    } catch (error) {
      this.#failures.push(`${fault.name} could not be injected: ${messageOf(error)}`);
      return note(fault.name, { do: 'skipped', reason: messageOf(error) });
    }
    if (injected === undefined) {
      this.#skipped.set(fault.name, (this.#skipped.get(fault.name) ?? 0) + 1);
      return note(fault.name, { do: 'skipped', reason: 'nobody to strike' });
    }
    this.#inForce.push({ id, fault: fault.name, from, until: from + strike.durationNs, injected });
    note(fault.name, { do: 'inject', id, targets: [...injected.targets] });
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
    const { id, fault, from, injected } = ended;
    this.#inForce = this.#inForce.filter((other) => other !== ended);
    let error: string | undefined;
    try {
      await injected.heal();
    } catch (thrown) {
      error = messageOf(thrown);
      this.#failures.push(`${fault} could not be healed: ${error}`);
    }
    const targets = [...injected.targets];
    const effect = injected.effect();
    this.#records.push({ id, fault, targets, from, until: this.#options.clock.now(), effect });
    this.#options.note(fault, { do: 'heal', id, targets, effect, ...(error !== undefined && { error }) });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
