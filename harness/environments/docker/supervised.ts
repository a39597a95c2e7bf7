/** A store as its supervisor knows it: started, ended, and started again once the disk that ended it is well. */
import { type Clock, SECOND } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import { BAD_INPUT } from '../../errors.ts';
import type { NodeEvent } from '../environment.ts';
import type { Event } from './agent/protocol.ts';

/** A store that looked at its disk just before that was well again may end so much later. */
const LATE_NS = 5 * SECOND;

/** Faults of one kind in force on its disk, and when the last one ended. */
interface Trouble {
  faults: number;
  until: number;
}

export interface Supervision {
  readonly id: NodeId;
  readonly clock: Clock;
  /** Has the agent start it. */
  launch(): Promise<unknown>;
  lastWords(): string;
  /** It may end for want of room at any time, and not only where it could not begin. */
  readonly endsWhenFull?: boolean;
  readonly observe: (event: NodeEvent) => void;
  /** Where it is written down that a store has ended by itself, or could not be started again. */
  readonly crashes: string[];
}

export class Supervised {
  up = false;
  /** How many times it was started. */
  starts = 0;
  #since = 0;
  /** Whether it has ended since it refused its configuration or its data folder. */
  refused = false;
  readonly #of: Supervision;
  readonly #full: Trouble = { faults: 0, until: Number.NEGATIVE_INFINITY };
  readonly #failing: Trouble = { faults: 0, until: Number.NEGATIVE_INFINITY };
  /** It has ended because of its disk. */
  #waits = false;

  constructor(supervision: Supervision) {
    this.#of = supervision;
  }

  async start(): Promise<void> {
    if (this.up) return;
    this.up = true;
    this.starts++;
    this.#since = this.#of.clock.now();
    try {
      await this.#of.launch();
    } catch (error) {
      this.up = false; // so that it can be tried again
      throw error;
    }
    this.#of.observe({ type: 'up', node: this.#of.id });
  }

  told(event: Event): void {
    if (event.event !== 'ended') return;
    const { id, clock, observe, crashes, endsWhenFull } = this.#of;
    this.up = false;
    // Without room ours could not begin, and others end; a read or write that failed ends it at any time.
    const wantsRoom = event.code === BAD_INPUT || endsWhenFull === true;
    const ofItsDisk = this.#has(this.#failing) || (wantsRoom && this.#has(this.#full));
    if (!event.expected && ofItsDisk) {
      this.#waits = true;
      observe({ type: 'down', node: id });
      void this.#startWell();
      return;
    }
    this.refused ||= event.code === BAD_INPUT;
    if (event.expected) return observe({ type: 'down', node: id });
    const reason = `${event.reason}: ${this.#of.lastWords()}`;
    const after = ((clock.now() - this.#since) / SECOND).toFixed(1);
    crashes.push(`${id} ended by itself after ${after} s: ${reason}`);
    observe({ type: 'down', node: id, reason });
  }

  /** One more fault leaves no room on its disk, or one less. */
  fill(by: 1 | -1): Promise<void> {
    return this.#changed(this.#full, by);
  }

  /** One more fault has its disk fail, or one less. */
  fail(by: 1 | -1): Promise<void> {
    return this.#changed(this.#failing, by);
  }

  #has({ faults, until }: Trouble): boolean {
    return faults > 0 || this.#of.clock.now() - until < LATE_NS;
  }

  async #changed(trouble: Trouble, by: 1 | -1): Promise<void> {
    trouble.faults += by;
    if (by === 1) return;
    trouble.until = this.#of.clock.now();
    await this.#startWell();
  }

  async #startWell(): Promise<void> {
    if (!this.#waits || this.#full.faults > 0 || this.#failing.faults > 0) return;
    this.#waits = false;
    await this.start().catch((error: unknown) => void this.#of.crashes.push(`${this.#of.id}: ${String(error)}`));
  }
}
