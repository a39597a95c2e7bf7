import { expect, it } from 'vitest';
import { Origins, outcomeOf } from './origins.ts';
import { generator } from './testdata/chaos.ts';
import type { Entry, StoredRequest } from './types.ts';

const entry = (index: number, origin: Entry['origin']): Entry => ({
  term: 1 + (index >> 5),
  index,
  command: { type: 'write', key: 'x', value: index },
  ...(origin === undefined ? undefined : { origin }),
});

/** The naive twin: the records of a log are those of its entries that have not expired. */
function naive(log: readonly Entry[], commit: number, kept: number): StoredRequest[] {
  return log.flatMap(({ origin, term, index }) =>
    origin === undefined || index <= commit - kept ? [] : [{ ...origin, term, index }],
  );
}

it('remembers what the log says, whatever was appended, undone, committed and read back from a snapshot', () => {
  for (let seed = 1; seed <= 15; seed++) {
    const random = generator(seed);
    const kept = 1 + Math.floor(random() * 40);
    let origins = new Origins(kept);
    const log: Entry[] = [];
    let commit = 0;
    let sequence = 0;
    for (let step = 0; step < 200; step++) {
      const draw = random();
      if (draw < 0.6) {
        const origin = random() < 0.2 ? undefined : { client: `c${Math.floor(random() * 3)}`, sequence: ++sequence };
        const added = entry(log.length + 1, origin);
        log.push(added);
        if (origin !== undefined) origins.remember(origin, { term: added.term, index: added.index });
      } else if (draw < 0.75) {
        commit += Math.floor(random() * (log.length - commit + 1));
        origins.expire(commit);
      } else if (draw < 0.9) {
        const from = commit + 1 + Math.floor(random() * (log.length - commit + 1));
        const undone = log.splice(from - 1);
        origins.undo(from);
        // Otherwise an attempt that comes later would be answered by an entry that is gone.
        for (const { origin } of undone) if (origin !== undefined) expect(origins.find(origin)).toBeUndefined();
      } else {
        const restarted = new Origins(kept);
        restarted.load(origins.upTo(commit));
        for (const { origin, term, index } of log.slice(commit)) {
          if (origin !== undefined) restarted.remember(origin, { term, index });
        }
        origins = restarted;
      }
      const expected = naive(log, commit, kept);
      expect(origins.upTo(log.length), `seed ${seed}, step ${step}`).toEqual(expected);
      expect(origins.upTo(commit)).toEqual(expected.filter(({ index }) => index <= commit));
      for (const record of expected) expect(origins.find(record)).toEqual(record);
      for (const { origin, index } of log) {
        if (origin !== undefined && index <= commit - kept) expect(origins.find(origin)).toBeUndefined();
      }
    }
  }
});

it('a request whose record may be gone is told from a new one by what was committed before it was sent', () => {
  const origins = new Origins(10);
  for (let index = 1; index <= 30; index++) origins.remember({ client: 'c', sequence: index }, { term: 1, index });
  origins.expire(30);
  expect(origins.find({ client: 'c', sequence: 20 })).toBeUndefined();
  expect(origins.find({ client: 'c', sequence: 21 })).toBeDefined();
  // Sent when 20 was committed: its entry would be 21 at the lowest, which is remembered.
  expect(origins.mayHaveExpired(20, 30)).toBe(false);
  expect(origins.mayHaveExpired(19, 30)).toBe(true);
});

it('a number used twice leaves the later record, which the expiry of the earlier one does not take away', () => {
  const origins = new Origins(10);
  const origin = { client: 'c', sequence: 1 };
  origins.remember(origin, { term: 1, index: 1 });
  origins.remember(origin, { term: 1, index: 5 });
  origins.expire(11);
  expect(origins.find(origin)?.index).toBe(5);
  origins.expire(15);
  expect(origins.size).toBe(0);
  expect(origins.find(origin)).toBeUndefined();
});

it('an outcome says what was held instead', () => {
  const cas: Entry = { term: 2, index: 7, command: { type: 'cas', key: 'x', expected: 1, next: 2 }, stampMs: 5 };
  const before = { term: 1, index: 3, value: 9, after: undefined, previous: undefined };
  expect(outcomeOf(cas, undefined, before)).toEqual({
    term: 2,
    index: 7,
    stampMs: 5,
    mismatch: { actual: 9, version: { term: 1, index: 3 } },
  });
  expect(outcomeOf(cas, undefined, undefined).mismatch).toEqual({ actual: null, version: { term: 0, index: 0 } });
  expect(outcomeOf(cas, before, undefined)).toEqual({ term: 2, index: 7, stampMs: 5 });
});
