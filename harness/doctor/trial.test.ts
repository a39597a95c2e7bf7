/** What a trial makes of a probe's numbers: each outcome from a lever that does just so. */
import { describe, expect, test } from 'vitest';
import { realClock } from '../../history/clock.ts';
import type { Injection } from '../../nemesis/fault.ts';
import { type Row, trial, type TrialSpec } from './trial.ts';

/** A lever that is meant to turn 0 into 1, and a probe that reads the number. */
class Toy {
  value = 0;
  healed = 0;

  run(changes: Partial<TrialSpec<number>> = {}, injection: Partial<Injection> = {}): Promise<Row> {
    const spec: TrialSpec<number> = {
      lever: 'kill',
      what: 'it',
      aimMs: 20,
      look: () => Promise.resolve(this.value),
      text: (seen) => `${seen}`,
      pull: () => {
        this.value = 1;
        return Promise.resolve({
          heal: () => {
            this.healed++;
            this.value = 0;
            return Promise.resolve();
          },
          effect: () => ({ 'nodes killed': 1 }),
          ...injection,
        });
      },
      well: (seen) => seen === 0,
      hurt: (seen) => seen === 1,
      ...changes,
    };
    return trial(spec).run({}, realClock());
  }
}

describe('a trial', () => {
  test('of a lever that acts and is undone works, and says what was seen and how long it took', async () => {
    const row = await new Toy().run();
    expect(row).toMatchObject({
      lever: 'kill',
      what: 'it',
      outcome: 'works',
      aimMs: 20,
      before: '0',
      during: '1',
      after: '0',
      seen: { before: 0, during: 1, after: 0 },
      counted: { 'nodes killed': 1 },
    });
    expect(row.why).toBeUndefined();
    expect([row.times?.applyMs.length, row.times?.healMs.length]).toEqual([5, 5]);
    expect([row.applyMs, row.healMs].every((ms) => ms !== undefined && ms >= 0)).toBe(true);
  });

  test('of a lever that says it acts, and does not, shows no effect; and it is healed', async () => {
    const toy = new Toy();
    const row = await toy.run({ look: () => Promise.resolve(0) });
    expect([row.outcome, row.during, row.after, toy.healed]).toEqual(['no effect', '0', '0', 1]);
  });

  test('of a lever that stays in force is not undone, whether it says so or not', async () => {
    const silent = await new Toy().run({}, { heal: () => Promise.resolve() });
    expect([silent.outcome, silent.after]).toEqual(['not undone', '1']);
    const loud = await new Toy().run({}, { heal: () => Promise.reject(new Error('it is stuck')) });
    expect([loud.outcome, loud.why]).toEqual(['not undone', 'it is stuck; it is stuck']);
  });

  test('cannot be told where it was not calm before; nothing is pulled then', async () => {
    const toy = new Toy();
    toy.value = 7;
    const row = await toy.run();
    expect([row.outcome, row.before, row.during, toy.value]).toEqual(['unclear', '7', undefined, 7]);
  });

  test('looks again at what does not look as it should, for a machine is busy at times', async () => {
    const toy = new Toy();
    let looks = 0;
    const row = await toy.run({ look: () => Promise.resolve(++looks % 3 === 0 ? toy.value : 9) });
    expect([row.outcome, looks, row.looks]).toEqual(['works', 9, { before: 3, during: 3, after: 3 }]);
  });

  test('fails where the lever cannot be pulled, or nobody can measure; then it is healed', async () => {
    const refused = await new Toy().run({ pull: () => Promise.reject(new Error('no such thing')) });
    expect([refused.outcome, refused.why, refused.before]).toEqual(['failed', 'no such thing', '0']);
    const toy = new Toy();
    const blind = await toy.run({
      look: (phase) => (phase === 'during' ? Promise.reject(new Error('the probe is gone')) : Promise.resolve(0)),
    });
    expect([blind.outcome, blind.why, toy.healed]).toEqual(['failed', 'the probe is gone', 1]);
    const absent = await new Toy().run({ pull: () => undefined });
    expect(absent.outcome).toBe('not here');
  });
});
