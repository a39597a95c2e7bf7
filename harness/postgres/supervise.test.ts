/** When the operator ends a primary, and that whoever it ended is started again: on a clock of the test's own, asking nobody. */
import { afterEach, describe, expect, test } from 'vitest';
import { type Clock, MILLISECOND, SECOND } from '../../history/clock.ts';
import type { NodeId } from '../../history/operation.ts';
import type { Deployment, Reach } from '../environments/environment.ts';
import type { Self } from './places.ts';
import { Operator } from './supervise.ts';

const nodes: readonly NodeId[] = ['n1', 'n2', 'n3'];

/** Time passes by sleeping alone. */
function ownClock(): Clock & { pass(ns: number): void } {
  let now = 0;
  return {
    now: () => now,
    pass: (ns) => void (now += ns),
    sleepUntil: (at) => {
      now = Math.max(now, at);
      return Promise.resolve();
    },
    timer: () => () => undefined,
  };
}

const primary = (timeline = 1): Self => ({
  recovering: false,
  timeline,
  at: 100,
  received: 100,
  from: undefined,
  descent: new Map(),
});
const standby = (from: NodeId): Self => ({ ...primary(), recovering: true, from: `at-${from}` });
const calm: Readonly<Record<NodeId, Self>> = { n1: primary(), n2: standby('n1'), n3: standby('n1') };

describe('the operator', () => {
  let operator: Operator | undefined;
  afterEach(() => operator?.stop());

  /**
   * Has it look so often and tells what it did. `says`: what servers answer at a look, counted from 0, and otherwise nothing, after all
   * of the time they are given, and `lateNs`.
   */
  async function after(
    looks: number,
    says: (look: number) => Readonly<Record<NodeId, Self>>,
    reach: Partial<Reach> = {},
    lateNs = 0,
  ): Promise<{ readonly deeds: readonly string[]; readonly ns: number }> {
    const clock = ownClock();
    const deeds: string[] = [];
    let enough = (): void => undefined;
    const seen = new Promise<void>((resolve) => void (enough = resolve));
    const whole = { addressOf: (node: NodeId) => `at-${node}`, kill: () => Promise.resolve(), ...reach };
    const cluster = { nodes, clock, isUp: () => true, reach: whole } as unknown as Deployment; // what it asks of one
    let asked = 0;
    let ns = 0;
    operator = new Operator(
      cluster,
      1,
      (deed) => void deeds.push(deed),
      (node, withinNs) => {
        const look = Math.floor(asked++ / nodes.length);
        if (look >= looks) {
          ns ||= clock.now();
          enough();
          return new Promise(() => undefined);
        }
        const said = says(look)[node];
        // All are asked at once.
        if (asked % nodes.length === 0 && nodes.some((one) => says(look)[one] === undefined))
          clock.pass(withinNs + lateNs);
        return Promise.resolve(said);
      },
    );
    await seen;
    operator = undefined; // it waits for an answer for ever
    return { deeds, ns };
  }

  const { n1: _, ...silent } = calm;

  test('leaves a primary alone that answers every third time, however long that takes', async () => {
    const { deeds } = await after(30, (look) => (look % 3 === 2 ? calm : silent), {}, 10 * SECOND);
    expect(deeds).toEqual([]);
  });

  test('ends a primary that was silent three times in a row, while others answered', async () => {
    const until = (looks: number) => after(looks, (look) => (look < 2 ? calm : silent));
    expect((await until(4)).deeds).toEqual([]);
    const { deeds } = await until(10);
    expect(deeds[0]).toBe('ended n1, which is gone');
    // Each look gives it 1.2 s, and there are 0.3 s between looks.
    expect((await until(5)).ns / MILLISECOND).toBe(4 * 300 + 3 * 1200);
  });

  test('asks once more before it ends one that was given up, and leaves it alone where it is back', async () => {
    // Looks 2 to 4 find it silent; the fifth asking is the one before its end.
    const says = (look: number) => (look < 2 || look > 4 ? calm : silent);
    expect((await after(20, says)).deeds).toEqual([]);
  });

  test('ends nobody while nobody answers: that may be for itself', async () => {
    const says = (look: number) => (look < 2 || look > 21 ? calm : look < 20 ? {} : silent);
    expect((await after(30, says)).deeds).toEqual([]);
  });

  test('starts again what it has ended, at a later look where that failed', async () => {
    let starts = 0;
    const start = (): Promise<void> => (++starts < 3 ? Promise.reject(new Error('not now')) : Promise.resolve());
    const two = { n1: primary(1), n2: primary(2), n3: standby('n2') };
    const said = await after(6, (look) => (look === 0 ? two : { ...two, n1: standby('n2') }), { start });
    expect(said.deeds).toEqual(['ended n1, which was primary beside another', 'failed: not now', 'failed: not now']);
    expect(starts).toBe(3);
  });
});
