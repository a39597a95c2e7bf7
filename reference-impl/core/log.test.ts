import { expect, it } from 'vitest';
import { InvariantViolated } from './invariant.ts';
import { entriesBehind, Log } from './log.ts';
import { generator } from './testdata/chaos.ts';
import type { Entry } from './types.ts';

function entry(term: number, index: number): Entry {
  return { term, index, command: { type: 'noop' } };
}

/** Against an array that never forgets. */
it('knows the term of every place, and the entries behind its base, whatever was compacted and cut', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = generator(seed);
    const upTo = (most: number): number => Math.floor(random() * (most + 1));
    const twin: Entry[] = [];
    let log = new Log([]);
    let term = 1;
    for (let step = 0; step < 120; step++) {
      const draw = random();
      if (draw < 0.6) {
        if (random() < 0.2) term += 1 + upTo(2);
        twin.push(entry(term, twin.length + 1));
        log.append(twin[twin.length - 1]);
      } else if (draw < 0.7 && log.lastIndex > log.base) {
        const from = log.first + upTo(log.lastIndex - log.first);
        expect(log.truncateFrom(from)).toEqual(twin.splice(from - 1));
      } else if (draw < 0.8) {
        const base = log.base;
        const index = base + upTo(log.lastIndex - base);
        expect(log.compact(index)).toEqual(twin.slice(base, index));
      } else if (draw < 0.9) {
        // From a snapshot and what is on disk behind it, or before it.
        const { base } = log;
        const onDisk = twin.slice(upTo(base));
        log = new Log(onDisk, { index: base, term: log.termAt(base) ?? 0, terms: log.termsUpTo(base) });
      } else if (draw < 0.95) {
        const { lastIndex: index, lastTerm } = log;
        log.reset({ index, term: lastTerm, terms: log.termsUpTo(index) });
      }
      expect([log.lastIndex, log.lastTerm]).toEqual([twin.length, twin.at(-1)?.term ?? 0]);
      for (let index = 0; index <= twin.length + 1; index++) {
        const known = index === 0 ? 0 : twin[index - 1]?.term;
        expect(log.termAt(index), `seed ${seed}, step ${step}, index ${index}`).toBe(known);
        if (index >= log.first && index <= twin.length) expect(log.at(index)).toBe(twin[index - 1]);
      }
      const index = upTo(twin.length + 3);
      const asked = upTo(term + 1);
      let expected = Math.min(index, twin.length);
      while (expected > 0 && twin[expected - 1].term > asked) expected--;
      expect(log.lastNotAbove(index, asked)).toBe(expected);
      const from = log.first + upTo(3);
      expect(log.slice(from, from + 4)).toEqual(twin.slice(from - 1, from + 4));
    }
  }
});

it('refuses to give, cut or forget what it does not have', () => {
  const log = new Log([entry(1, 1), entry(1, 2), entry(2, 3)]);
  log.compact(2);
  expect(() => log.at(2)).toThrow(InvariantViolated);
  expect(() => log.slice(2, 3)).toThrow(InvariantViolated);
  expect(() => log.truncateFrom(2)).toThrow(InvariantViolated);
  expect(() => log.compact(4)).toThrow(InvariantViolated);
  expect(() => log.append(entry(2, 5))).toThrow(InvariantViolated);
});

it('takes from disk only what a snapshot has not replaced', () => {
  const base = { term: 3, index: 4 };
  const log = (first: number, ...terms: number[]): Entry[] => terms.map((term, i) => entry(term, first + i));
  expect(entriesBehind(base, [])).toEqual([]);
  expect(entriesBehind(base, log(1, 1, 1, 3, 3, 3, 4))).toEqual(log(5, 3, 4));
  expect(entriesBehind(base, log(5, 3, 4))).toEqual(log(5, 3, 4));
  // The log never reached the snapshot.
  expect(entriesBehind(base, log(1, 1, 1))).toEqual([]);
  // Another entry stands in its place, or must have stood there.
  expect(entriesBehind(base, log(1, 1, 1, 1, 1, 1))).toEqual([]);
  expect(entriesBehind(base, log(5, 2, 2))).toEqual([]);
  expect(() => entriesBehind(base, log(6, 3))).toThrow(InvariantViolated);
});
