import { describe, expect, it } from 'vitest';
import type { Cancel, Clock } from '../history/clock.ts';
import type { NodeId, Value } from '../history/operation.ts';
import { Random } from '../history/random.ts';
import type { Effect, Fault, Strike, Target } from './fault.ts';
import { Nemesis, type NemesisOptions, type Struck } from './nemesis.ts';
import type { Trigger } from './triggers.ts';

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
  triggers: readonly Trigger[] = [],
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
  nemesis.start(strikes, triggers);
  return { nemesis, clock, log, notes };
}

const strike = (fault: string, at: number, durationNs: number, patienceNs = 0): Strike => {
  return { fault, at, durationNs, patienceNs };
};

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

  it.each([
    [{}, ['20 +c']],
    [{ a: 'heal' }, []],
  ] as const)('what waits for a cure waits for one that came: %j', async (trouble, log) => {
    const times = { durationNs: 5, afterNs: 0, patienceNs: 0, cooldownNs: 0, from: 0, until: 50 };
    const after: Trigger = { stream: '1.2', when: { type: 'healed', of: 'a' }, deed: { fault: 'c' }, ...times };
    const played = trial([strike('a', 1, 19), strike('c', 90, 5)], trouble, [after]);
    await played.clock.go(60);
    expect(played.log.filter((line) => line.includes('+c'))).toEqual(log);
    await played.nemesis.stop();
  });

  it('heals the others when one cannot be healed, and says which', async () => {
    const { nemesis, clock, log, notes } = trial([strike('a', 1, 500), strike('b', 2, 500), strike('c', 3, 500)], {
      b: 'heal',
    });
    await clock.go(20);
    expect(await nemesis.stop()).toEqual(['b could not be healed: it sticks']);
    expect(nemesis.struck.map(({ unhealed }) => unhealed)).toEqual([undefined, 'it sticks', undefined]);
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

  it('waits for somebody to strike as long as it may, and lasts no longer for that', async () => {
    const ms = 1_000_000;
    const clock = new HandClock();
    const log: string[] = [];
    const notes: Value[] = [];
    let leads = false;
    const fault: Fault = {
      name: 'a',
      about: 'a',
      levers: [],
      async inject() {
        if (!leads) return undefined;
        log.push(`+${clock.now() / ms}`);
        return {
          targets: ['n1'],
          heal: async () => void log.push(`-${clock.now() / ms}`),
          effect: () => ({ done: 1 }),
        };
      },
    };
    const nemesis = new Nemesis({
      clock,
      target,
      faults: [fault],
      random: new Random(1),
      note: (_, value) => void notes.push(value),
    });
    nemesis.start([
      strike('a', 100 * ms, 1_000 * ms, 600 * ms),
      strike('a', 3_000 * ms, 1_000 * ms, 600 * ms),
      strike('a', 5_000 * ms, 300 * ms),
    ]);
    await clock.go(340 * ms);
    leads = true;
    await clock.go(2_000 * ms);
    leads = false;
    await clock.go(8_000 * ms);
    expect(log).toEqual(['+350', '-1100']);
    expect(nemesis.skipped).toEqual([['a', 2]]);
    expect(notes.slice(2)).toEqual([
      { do: 'skipped', reason: 'nobody to strike' },
      { do: 'skipped', reason: 'nobody to strike' },
    ]);
    expect(await nemesis.stop()).toEqual([]);
    expect(clock.waiting).toBe(0);
  });

  it('may be stopped without having begun', async () => {
    const { nemesis } = trial([]);
    expect(await nemesis.stop()).toEqual([]);
  });
});

describe('Nemesis with streams', () => {
  const five: Target = {
    ...target,
    nodes: ['n1', 'n2', 'n3', 'n4', 'n5'],
    leader: () => 'n1',
    followers: () => ['n2', 'n3', 'n4', 'n5'],
    mostLagging: () => 'n4',
    leastLagging: () => 'n2',
  };

  const aimed: Fault = {
    name: 'a',
    about: 'a',
    levers: [],
    aimable: true,
    inject: async (_cluster, random, _wait, aim) => {
      const any = random.pick(five.nodes);
      return { targets: aim?.nodes ?? [any], heal: () => Promise.resolve(), effect: () => ({ done: 1 }) };
    },
  };

  function carryOut(strikes: readonly Partial<Strike>[], options: Partial<NemesisOptions> = {}): Nemesis {
    const all = { clock: new HandClock(), target: five, faults: [aimed], random: new Random(1), note: () => undefined };
    const nemesis = new Nemesis({ ...all, ...options });
    nemesis.start(
      strikes.map((one, i) => ({ fault: 'a', at: 10 * i, durationNs: 5, stream: '1.1', patienceNs: 0, ...one })),
    );
    return nemesis;
  }

  async function struck(
    strikes: readonly Partial<Strike>[],
    options: Partial<NemesisOptions> = {},
  ): Promise<(readonly NodeId[])[]> {
    const clock = new HandClock();
    const nemesis = carryOut(strikes, { ...options, clock });
    await clock.go(1_000);
    await nemesis.stop();
    return nemesis.struck.map(({ targets }) => targets);
  }

  it('strikes whoever has the role then', async () => {
    const of = async (role: string, cluster = five): Promise<readonly NodeId[]> =>
      (await struck([{ target: role }], { target: cluster }))[0];
    expect(await of('leader')).toEqual(['n1']);
    expect(await of('followers')).toEqual(['n2', 'n3', 'n4', 'n5']);
    expect(await of('most-lagging')).toEqual(['n4']);
    expect(await of('least-lagging')).toEqual(['n2']);
    expect(await of('n5')).toEqual(['n5']);
    expect(await of('all')).toEqual(five.nodes);
    const leaderless: Target = { ...five, leader: () => undefined, followers: () => five.nodes };
    for (const role of ['leader', 'followers', 'random-follower', 'most-lagging', 'least-lagging'])
      expect(await of(role, leaderless)).toEqual([]);
    expect(await of('random-node', leaderless)).toHaveLength(1);
    const random = await struck(Array.from({ length: 40 }, () => ({ target: 'random-follower' })));
    expect([...new Set(random.flat())].sort()).toEqual(['n2', 'n3', 'n4', 'n5']);
  });

  it('draws for each stream by itself', async () => {
    const many = Array.from({ length: 20 }, (_, i) => ({ at: 20 * i }));
    const others = many.map(({ at }) => ({ at: at + 10, stream: '1.2' }));
    const alone = await struck(many);
    const both = await struck([...many, ...others].sort((a, b) => a.at - b.at));
    expect(both.filter((_, i) => i % 2 === 0)).toEqual(alone);
  });

  it('strikes when a trigger fires, whom it is about, and again in a replay no more often', async () => {
    const trigger: Trigger = {
      stream: '1.1',
      when: { type: 'new-leader' },
      deed: { fault: 'a', target: 'it' },
      durationNs: 20,
      afterNs: 5,
      patienceNs: 0,
      cooldownNs: 0,
      from: 0,
      until: 100,
    };
    const play = async (before?: readonly Struck[]): Promise<readonly Struck[]> => {
      const hand = new HandClock();
      const nemesis = new Nemesis({
        clock: hand,
        target: five,
        faults: [aimed],
        random: new Random(1),
        note: () => undefined,
        ...(before !== undefined && { before }),
      });
      nemesis.start([], [trigger]);
      await hand.go(10);
      nemesis.observe({ type: 'new-leader', node: 'n3', term: 2 });
      await hand.go(30);
      nemesis.observe({ type: 'new-leader', node: 'n2', term: 3 });
      await hand.go(98);
      // It would strike when the phase is over.
      nemesis.observe({ type: 'new-leader', node: 'n4', term: 4 });
      await hand.go(200);
      expect(await nemesis.stop()).toEqual([]);
      expect(nemesis.records.map(({ from, until }) => [from, until])).toEqual(
        [
          [15, 35],
          [35, 55],
        ].slice(0, nemesis.struck.length),
      );
      return nemesis.struck;
    };
    const then = await play();
    expect(then.map(({ at, targets, because }) => [at, targets, because?.type])).toEqual([
      [15, ['n3'], 'new-leader'],
      [35, ['n2'], 'new-leader'],
    ]);
    expect(await play(then)).toEqual(then);
    expect(await play(then.slice(0, 1))).toEqual(then.slice(0, 1));
    expect(await play([])).toEqual([]);
  });

  it('replaying, has chance choose whom it chose then, unless that one has another role now', async () => {
    const strikes = Array.from({ length: 8 }, () => ({ target: 'random-follower' }));
    const before: Struck[] = strikes.map((_, i) => {
      return { stream: '1.1', nth: i + 1, fault: 'a', at: 0, durationNs: 5, targets: ['n5'], leader: 'n1' };
    });
    expect(new Set((await struck(strikes, { before })).flat())).toEqual(new Set(['n5']));
    const led = before.map((one) => ({ ...one, leader: 'n5' }));
    expect(await struck(strikes, { before: led })).toEqual(await struck(strikes));
  });

  it('gives up what waits when it is stopped, and says so', async () => {
    const clock = new HandClock();
    const nobody: Target = { ...five, leader: () => undefined };
    const nemesis = carryOut([{ target: 'leader', patienceNs: 1e9 }], { target: nobody, clock });
    await clock.go(100);
    expect(nemesis.struck).toEqual([]);
    expect(await nemesis.stop()).toEqual([]);
    expect(nemesis.skipped).toEqual([['a', 1]]);
    expect(nemesis.struck).toMatchObject([{ targets: [], skipped: 'nobody to strike' }]);
  });
});
