import { describe, expect, it } from 'vitest';
import { SECOND } from '../history/clock.ts';
import { Armed, type Seen, type Trigger, type When } from './triggers.ts';

function armed(when: When, rest: Partial<Trigger> = {}): Armed {
  return new Armed({
    stream: '1.1',
    when,
    deed: { fault: 'pause' },
    durationNs: SECOND,
    afterNs: 0,
    patienceNs: 0,
    cooldownNs: 0,
    from: 10 * SECOND,
    until: 60 * SECOND,
    ...rest,
  });
}

/** At which of these seconds it fires when it is told the same thing at each. */
function firing(trigger: Armed, seen: Seen, ...seconds: readonly number[]): readonly number[] {
  return seconds.filter((second) => trigger.fires(seen, second * SECOND));
}

const elected: Seen = { type: 'new-leader', node: 'n2', term: 4 };
const lag = (entries: number, node = 'n3'): Seen => ({ type: 'lag', node, entries });

describe('a trigger', () => {
  it('fires within its phase, whenever what it waits for comes', () => {
    expect(firing(armed({ type: 'new-leader' }), elected, 9, 10, 11, 59, 60, 70)).toEqual([10, 11, 59]);
  });

  it('fires at most so often, and not again before it has cooled down', () => {
    expect(firing(armed({ type: 'new-leader' }, { timesMax: 2 }), elected, 10, 11, 12)).toEqual([10, 11]);
    const cooled = armed({ type: 'new-leader' }, { cooldownNs: 5 * SECOND });
    expect(firing(cooled, elected, 10, 11, 14, 15, 16, 20)).toEqual([10, 15, 20]);
    expect(cooled.fired).toBe(3);
  });

  it('heeds only what it waits for, and whom', () => {
    expect(firing(armed({ type: 'leader-lost' }), elected, 10)).toEqual([]);
    expect(firing(armed({ type: 'new-leader', of: 'n1' }), elected, 10)).toEqual([]);
    expect(firing(armed({ type: 'new-leader', of: 'n2' }), elected, 10)).toEqual([10]);
    const healed: Seen = { type: 'healed', node: 'n1', fault: 'kill' };
    expect(firing(armed({ type: 'healed', of: 'kill' }), healed, 10)).toEqual([10]);
    expect(firing(armed({ type: 'healed', of: 'pause' }), healed, 10)).toEqual([]);
  });

  it('of lag fires when the lag passes its bound, for each follower by itself', () => {
    const trigger = armed({ type: 'lag', above: 1_000 });
    const told: readonly (readonly [Seen, boolean])[] = [
      [lag(1_000), false],
      [lag(1_001), true],
      [lag(5_000), false],
      [lag(2_000, 'n4'), true],
      [lag(900), false],
      [lag(1_200), true],
      [lag(1_500, 'n4'), false],
    ];
    expect(told.map(([seen]) => trigger.fires(seen, 20 * SECOND))).toEqual(told.map(([, fires]) => fires));
  });

  it('of lag that was passed before its phase began fires when it begins', () => {
    const trigger = armed({ type: 'lag', above: 10 });
    expect(firing(trigger, lag(50), 5, 9, 10, 11)).toEqual([10]);
  });
});
