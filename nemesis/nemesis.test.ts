import { describe, expect, it } from 'vitest';
import type { Cancel, Clock } from '../history/clock.ts';
import type { Value } from '../history/operation.ts';
import { Random } from '../history/random.ts';
import type { Effect, Fault, Strike, Target } from './fault.ts';
import { Nemesis } from './nemesis.ts';

/** A clock that goes when it is told to. */
class HandClock implements Clock {
  #now = 0;
  #timers: { at: number; fire: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleepUntil(at: number): Promise<void> {
    return new Promise((resolve) => void this.timer(at, resolve));
  }

  timer(at: number, fire: () => void): Cancel {
    const timer = { at, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get waiting(): number {
    return this.#timers.length;
  }

  async go(until: number): Promise<void> {
    for (;;) {
      // Enough turns for the runner to take its next step.
      for (let i = 0; i < 20; i++) await Promise.resolve();
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
    }
    this.#now = until;
  }
}

const target: Target = {
  nodes: ['n1'],
  levers: {},
  leader: () => 'n1',
  followers: () => [],
  learners: () => [],
  mostLagging: () => undefined,
};

interface Trial {
  readonly nemesis: Nemesis;
  readonly clock: HandClock;
  readonly log: string[];
  readonly notes: (readonly [number, string, Value])[];
}

/** Faults that write down what is done to them; `trouble` says which of their deeds throw. */
function trial(
  strikes: readonly Strike[],
  trouble: Readonly<Record<string, 'inject' | 'heal' | 'nobody'>> = {},
): Trial {
  const clock = new HandClock();
  const log: string[] = [];
  const notes: (readonly [number, string, Value])[] = [];
  const effect: Effect = { 'things done': 2 };
  const fault = (name: string): Fault => ({
    name,
    about: name,
    levers: [],
    async inject() {
      if (trouble[name] === 'inject') throw new Error('no lever');
      if (trouble[name] === 'nobody') return undefined;
      log.push(`${clock.now()} +${name}`);
      return {
        targets: ['n1'],
        async heal() {
          if (trouble[name] === 'heal') throw new Error('it sticks');
          log.push(`${clock.now()} -${name}`);
        },
        effect: () => effect,
      };
    },
  });
  const faults = [...new Set(strikes.map((strike) => strike.fault))].map(fault);
  const note = (name: string, value: Value): void => void notes.push([clock.now(), name, value]);
  const nemesis = new Nemesis({ clock, target, faults, random: new Random(1), note });
  nemesis.start(strikes);
  return { nemesis, clock, log, notes };
}

const strike = (fault: string, at: number, durationNs: number): Strike => ({ fault, at, durationNs });

describe('Nemesis', () => {
  it('injects and heals on time, and writes down both', async () => {
    const { nemesis, clock, log, notes } = trial([strike('a', 10, 20), strike('b', 15, 5), strike('c', 30, 5)]);
    await clock.go(16);
    expect(nemesis.inForce()).toEqual(['a', 'b']);
    await clock.go(100);
    expect(log).toEqual(['10 +a', '15 +b', '20 -b', '30 -a', '30 +c', '35 -c']);
    expect(await nemesis.stop()).toEqual([]);
    expect(notes.slice(0, 3)).toEqual([
      [10, 'a', { do: 'inject', id: 1, targets: ['n1'] }],
      [15, 'b', { do: 'inject', id: 2, targets: ['n1'] }],
      [20, 'b', { do: 'heal', id: 2, targets: ['n1'], effect: { 'things done': 2 } }],
    ]);
    expect(nemesis.records.map(({ id, from, until }) => [id, from, until])).toEqual([
      [2, 15, 20],
      [1, 10, 30],
      [3, 30, 35],
    ]);
  });

  it('when stopped, heals what is in force, newest first, and begins nothing more', async () => {
    const { nemesis, clock, log } = trial([strike('a', 10, 500), strike('b', 15, 500), strike('c', 30, 5)]);
    await clock.go(20);
    expect(await nemesis.stop()).toEqual([]);
    await clock.go(100);
    expect(log).toEqual(['10 +a', '15 +b', '20 -b', '20 -a']);
    expect(await nemesis.stop()).toEqual([]);
    expect(nemesis.inForce()).toEqual([]);
    expect(clock.waiting).toBe(0);
  });

  it('heals the others when one cannot be healed, and says which', async () => {
    const { nemesis, clock, log, notes } = trial([strike('a', 1, 500), strike('b', 2, 500), strike('c', 3, 500)], {
      b: 'heal',
    });
    await clock.go(20);
    expect(await nemesis.stop()).toEqual(['b could not be healed: it sticks']);
    expect(log.slice(3)).toEqual(['20 -c', '20 -a']);
    expect(nemesis.records).toHaveLength(3);
    expect(notes.at(-2)?.[2]).toMatchObject({ do: 'heal', error: 'it sticks' });
  });

  it('goes on when there is nobody to strike, or a lever fails', async () => {
    const { nemesis, clock, log, notes } = trial([strike('a', 1, 5), strike('b', 2, 5), strike('c', 3, 5)], {
      a: 'nobody',
      b: 'inject',
    });
    await clock.go(20);
    expect(log).toEqual(['3 +c', '8 -c']);
    expect(notes[0]).toEqual([1, 'a', { do: 'skipped', reason: 'nobody to strike' }]);
    expect(notes[1]).toEqual([2, 'b', { do: 'skipped', reason: 'no lever' }]);
    expect(await nemesis.stop()).toEqual(['b could not be injected: no lever']);
  });

  it('lets a cure that asks the cluster take its time, beside other faults, and waits for it in the end', async () => {
    const clock = new HandClock();
    const log: string[] = [];
    const fault = (name: string, cureNs: number): Fault => ({
      name,
      about: name,
      levers: [],
      ...(cureNs > 0 && { cureAsks: true }),
      async inject() {
        log.push(`${clock.now()} +${name}`);
        const heal = async (): Promise<void> => {
          if (cureNs > 0) await clock.sleepUntil(clock.now() + cureNs);
          log.push(`${clock.now()} -${name}`);
        };
        return { targets: ['n1'], heal, effect: () => ({ done: 1 }) };
      },
    });
    const faults = [fault('asks', 30), fault('cut', 0)];
    const nemesis = new Nemesis({ clock, target, faults, random: new Random(1), note: () => undefined });
    nemesis.start([strike('asks', 10, 10), strike('cut', 15, 10), strike('asks', 30, 500), strike('cut', 35, 500)]);
    await clock.go(45);
    expect(nemesis.inForce()).toEqual(['asks', 'asks', 'cut']);
    const stopped = nemesis.stop();
    await clock.go(49);
    expect(log.slice(4)).toEqual(['35 +cut', '45 -cut']);
    await clock.go(200);
    expect(await stopped).toEqual([]);
    expect(log).toEqual(['10 +asks', '15 +cut', '25 -cut', '30 +asks', '35 +cut', '45 -cut', '50 -asks', '75 -asks']);
    expect(nemesis.inForce()).toEqual([]);
    expect(nemesis.records.map(({ fault: name, from, until }) => [name, from, until])).toEqual([
      ['cut', 15, 25],
      ['cut', 35, 45],
      ['asks', 10, 50],
      ['asks', 30, 75],
    ]);
  });

  it('may be stopped without having begun', async () => {
    const { nemesis } = trial([]);
    expect(await nemesis.stop()).toEqual([]);
  });
});
