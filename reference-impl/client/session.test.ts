import { describe, expect, test } from 'vitest';
import { covers, merged, OWN_KEYS_MAX, Session } from './session.ts';

const at = (index: number, term = 1): { term: number; index: number } => ({ term, index });

describe('tokens', () => {
  test('go by term, then by index', () => {
    const session = new Session();
    session.learned('g0', at(9, 1), true);
    session.learned('g0', at(3, 2), true);
    session.learned('g0', at(50, 1), true);
    expect(session.token('g0')).toEqual(at(3, 2));
    expect(session.token('g1')).toBeUndefined();
  });

  test('of what may be undone are forgotten alone', () => {
    const session = new Session();
    session.sawState('g0', at(5));
    session.learned('g0', at(6), true);
    session.learned('g0', at(8), false);
    expect([session.read('g0'), session.firm('g0'), session.token('g0')]).toEqual([at(5), at(6), at(8)]);
    session.forget('g0', at(7));
    expect(session.token('g0')).toEqual(at(8));
    session.forget('g0', at(8));
    expect(session.token('g0')).toEqual(at(6));
  });

  test('that were reached are hoped for no more', () => {
    const session = new Session();
    session.learned('g0', at(8), false);
    session.sawState('g0', at(7));
    expect(session.firm('g0')).toEqual(at(7));
    session.sawState('g0', at(9));
    expect(session.carried()).toEqual({
      read: [{ group: 'g0', ...at(9) }],
      seen: [{ group: 'g0', ...at(8) }],
    });
  });

  test('of what others had seen are hoped for, unless more is certain', () => {
    const session = new Session();
    session.sawState('g0', at(9));
    session.heard([
      { group: 'g0', ...at(4) },
      { group: 'g1', ...at(4) },
    ]);
    expect([session.token('g0'), session.token('g1'), session.firm('g1')]).toEqual([at(9), at(4), undefined]);
    expect(session.seenOutside('g1')).toEqual([{ group: 'g0', ...at(4) }]);
  });

  test('of a cas that met nothing there is none', () => {
    const session = new Session();
    session.learned('g0', at(0, 0), true);
    expect(session.carried()).toEqual({});
    expect(session.seenOutside('g0')).toBeUndefined();
  });

  test('are merged to the highest part of each group', () => {
    const a = [{ group: 'g0', ...at(4) }];
    const b = [
      { group: 'g0', ...at(2, 3) },
      { group: 'g1', ...at(1) },
    ];
    expect(merged(a, b)).toEqual(b);
    expect([covers(b, a), covers(a, b), covers(merged(a, b), b), covers(a, [])]).toEqual([true, false, true, true]);
  });
});

test('a session is carried on as plain data', () => {
  const session = new Session();
  session.sawState('g0', at(9));
  session.learned('g1', at(3), true);
  session.learned('g1', at(4), false);
  session.writes('x');
  session.writes(5);
  session.stampMs = 7;
  session.wroteAtMs = 8;
  const next = new Session(JSON.parse(JSON.stringify(session.carried())) as ReturnType<Session['carried']>); // its own shape
  expect(next.carried()).toEqual(session.carried());
  expect([next.owns([5]), next.owns(['5']), next.owns(['y', 'x'])]).toEqual([true, false, true]);
});

test('of more keys than can be remembered, all count as written', () => {
  const session = new Session();
  for (let i = 0; i < OWN_KEYS_MAX; i++) session.writes(i);
  expect(session.owns(['other'])).toBe(false);
  session.writes('one more');
  session.writes('and another');
  expect(session.owns(['other'])).toBe(true);
  expect(session.carried()).toEqual({ ownTooMany: true });
  expect(new Session(session.carried()).owns(['other'])).toBe(true);
});
