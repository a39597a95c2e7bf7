import { describe, expect, test } from 'vitest';
import { readEdn } from '../../history/codec/edn.ts';
import { historyFromEvents } from '../../history/builder.ts';
import type { Guarantee } from '../../history/guarantee.ts';
import type { Event, Value } from '../../history/operation.ts';
import lock from '../guarantees/lock.ts';
import { check } from '../index.ts';

/** `p0 enqueue 1` is invoked; `p0: …` answered at once; `p0 ok|fail|info [value]` ends it. Values are JSON without blanks; key `k`. */
function events(...lines: readonly string[]): Event[] {
  const open = new Map<string, Record<string, unknown>>();
  const list: Record<string, unknown>[] = [];
  for (const line of lines) {
    const [who, word, ...rest] = line.split(' ');
    const name = who.replace(':', '');
    const [first, answer] = rest.map((text) => JSON.parse(text) as Value);
    const time = list.length * 1_000_000;
    if (['ok', 'fail', 'info'].includes(word)) {
      const asked = open.get(name) ?? {};
      list.push({ ...asked, type: word, time, value: first ?? asked.value });
      continue;
    }
    const asks = ['read', 'dequeue', 'drain', 'poll', 'acquire', 'release'].includes(word);
    const asked = { process: Number(name.slice(1)), f: word, key: 'k', value: asks ? null : (first ?? null) };
    list.push({ ...asked, type: 'invoke', time });
    open.set(name, asked);
    if (who.endsWith(':')) list.push({ ...asked, type: 'ok', time, value: (asks ? first : answer) ?? asked.value });
  }
  return list as unknown as Event[];
}

function verdict(guarantee: Guarantee, lines: readonly string[], model = 'cas-register'): string {
  const said = check(guarantee, historyFromEvents(events(...lines)), { model });
  return said.type === 'invalid' ? said.anomalies.map(({ kind }) => kind).join(', ') : said.type;
}

function cases(guarantee: Guarantee, table: readonly (readonly [string, ...string[]])[], model?: string): void {
  describe(guarantee, () => {
    for (const [wanted, ...lines] of table) {
      test(`${wanted}: ${lines.join('; ')}`, () => expect(verdict(guarantee, lines, model)).toBe(wanted));
    }
  });
}

cases('set', [
  ['valid', 'p0: add 1', 'p0: add 2', 'p1: read [1,2]'],
  ['valid', 'p0: add null', 'p0: add {"a":[1]}', 'p1: read [{"a":[1]},null]'],
  ['valid', 'p0: add 1', 'p1: read {"#set":[1]}'],
  ['valid', 'p0 add 1', 'p0 info', 'p1: read []', 'p2: add 2', 'p1: read [1,2]', 'p1: read [1,2]'],
  ['valid', 'p0 add 1', 'p0 fail', 'p2: add 2', 'p1: read [2]'],
  ['valid', 'p0: add 1', 'p1: read []', 'p1: read [1]'], // stale only
  ['lost element', 'p0: add 1', 'p1: read [1]', 'p1: read []'],
  ['lost element', 'p0: add 1', 'p1: read null'],
  ['lost element', 'p0 add 1', 'p1: read [1]', 'p1: read []'], // once seen
  ['unexpected element', 'p0: add 1', 'p1: read [1,2]'],
  ['unexpected element', 'p0 add 1', 'p0 fail', 'p2: add 2', 'p1: read [1,2]'],
  ['unexpected element', 'p1: read [1]', 'p0: add 1', 'p1: read [1]'],
  ['duplicated element', 'p0: add 1', 'p1: read [1,1,1]'],
  ['valid', 'p0: add 1', 'p1 read', 'p2 read', 'p1 ok []', 'p2 ok [1]'], // they overlap: which came last is not known
  ['unknown', 'p0: add 1'],
  ['unexpected element', 'p1: read [1]'],
  ['unknown', 'p0: add 1', 'p1: read 1'],
  ['unknown', 'p1: read []', 'p0: add 1'],
]);

cases('counter', [
  ['valid', 'p0: add 1', 'p1: read 1'],
  ['valid', 'p0 add 5', 'p1: read 5', 'p1: read 0', 'p0 ok'],
  ['valid', 'p0: add 5', 'p0: add -3', 'p1: read 2'],
  ['valid', 'p0 add -3', 'p0 info', 'p1: read -3', 'p1: read 0'],
  ['valid', 'p1: read null', 'p0: add 1'],
  ['valid', 'p1 read', 'p0: add 1', 'p1 ok 1'],
  ['sum too small', 'p0: add 1', 'p1: read 0'],
  ['sum too great', 'p0: add 1', 'p1: read 2'],
  ['sum too great', 'p0: add -1', 'p1: read 0'],
  ['sum too great', 'p0 add 1', 'p0 fail', 'p1: read 1'],
  ['sum too great', 'p1: read 1', 'p0: add 1'],
  ['unknown', 'p0: add 1'],
  ['unknown', 'p0: add 1', 'p1: read [1]'],
  ['unknown', 'p0: add 9007199254740991', 'p0: add 9007199254740991', 'p1: read 1'],
]);

test('a counter read out of its bounds is shown with the fewest additions that say so', () => {
  const said = (...lines: readonly string[]): unknown => {
    const found = check('counter', historyFromEvents(events(...lines)));
    if (found.type !== 'invalid') return found.type;
    const [{ sentence, operations }] = found.anomalies;
    return [operations.map(({ f, value }) => `${f} ${String(value)}`), sentence.split('; ')[1]];
  };
  expect(said('p0: add 1', 'p0: add 5', 'p0: add 2', 'p0: add 0', 'p1: read 3')).toEqual([
    ['add 5', 'read 3'],
    '1 of 3 additions show that it is too small.',
  ]);
  expect(said('p0: add 4', 'p2 add -1', 'p2 info', 'p1: read 2')).toEqual([['add 4', 'add -1', 'read 2'], undefined]);
  expect(said('p2 add 3', 'p0: add -1', 'p1: read 5', 'p0: add 9')).toEqual([
    ['add 3', 'read 5'],
    '1 of 2 additions show that it is too great.',
  ]);
  const many = Array.from({ length: 20 }, () => 'p0: add 1');
  expect(said(...many, 'p1: read 14')).toEqual([
    [...many.slice(0, 12).map(() => 'add 1'), 'read 14'],
    '3 more additions of those that show it are left out here.',
  ]);
});

test('a set says how long elements took to be stable only where there are times', () => {
  const stale = events('p0: add 1', 'p1: read []', 'p1: read [1]');
  expect(check('set', historyFromEvents(stale)).examined).toHaveProperty('ms until stable (max)');
  const timeless = stale.map((event) => JSON.parse(JSON.stringify({ ...event, time: undefined })) as Event);
  const { examined } = check('set', historyFromEvents(timeless));
  expect(examined).toMatchObject({ stale: 1 });
  expect(Object.keys(examined).filter((name) => name.startsWith('ms '))).toEqual([]);
});

cases('queue', [
  ['valid', 'p0: enqueue 1', 'p1: dequeue 1'],
  ['valid', 'p0: enqueue 1', 'p0: enqueue 1', 'p1: dequeue 1', 'p1: dequeue 1', 'p1: dequeue null'],
  ['valid', 'p0 enqueue 1', 'p0 info', 'p1: dequeue 1'],
  ['valid', 'p0 enqueue 1', 'p0 info', 'p1: drain []'],
  ['valid', 'p0: enqueue 1', 'p0: enqueue 2', 'p1: dequeue 2', 'p1: dequeue 1'],
  ['valid', 'p0: enqueue 1', 'p0: enqueue 2', 'p1: drain [2,1]'],
  ['valid', 'p0: enqueue null', 'p1: drain [null]'],
  ['valid', 'p0: enqueue {"a":1}', 'p1: dequeue {"a":1}'],
  ['valid', 'p0 enqueue 1', 'p1: drain []', 'p0 ok', 'p1: drain [1]'],
  ['lost value', 'p0: enqueue 1', 'p1: drain []'],
  ['lost value', 'p0: enqueue 1', 'p1: dequeue null'],
  ['lost value', 'p0: enqueue 1', 'p0: enqueue 1', 'p1: dequeue 1', 'p1: dequeue null'],
  ['unknown', 'p0: enqueue 1', 'p2 dequeue', 'p2 info', 'p1: drain []'], // it may have taken it
  ['unknown', 'p0: enqueue 1', 'p0: enqueue 2', 'p2 drain', 'p2 info', 'p1: drain []'],
  ['lost value', 'p0: enqueue 1', 'p0: enqueue 2', 'p2 dequeue', 'p2 info', 'p1: drain []'],
  ['lost value', 'p0: enqueue 1', 'p1: drain []', 'p2 dequeue', 'p2 info'],
  ['duplicated value', 'p0: enqueue 1', 'p1: dequeue 1', 'p1: dequeue 1'],
  ['duplicated value', 'p0: enqueue 1', 'p1: dequeue 1', 'p1: dequeue 1', 'p0: enqueue 1'], // too late for it
  ['unexpected value', 'p0: enqueue 1', 'p1: dequeue 2', 'p1: dequeue 1'],
  ['unexpected value', 'p0 enqueue 1', 'p0 fail', 'p1: dequeue 1'],
  ['unexpected value', 'p1: dequeue 1', 'p0: enqueue 1'],
  ['unknown', 'p0: enqueue 1', 'p0: enqueue 2', 'p1: dequeue 1'],
  ['unknown', 'p0: enqueue 1'],
  ['unknown', 'p0: add 1'],
]);

cases(
  'queue',
  [
    ['reordered', 'p0: enqueue 1', 'p0: enqueue 2', 'p1: dequeue 2', 'p1: dequeue 1'],
    ['reordered', 'p0: enqueue 1', 'p0: enqueue 2', 'p1: drain [2,1]'],
    ['reordered', 'p0: enqueue 1', 'p0: enqueue 1', 'p0: enqueue 2', 'p1: dequeue 1', 'p1: dequeue 2', 'p1: dequeue 1'],
    ['reordered', 'p0: enqueue 1', 'p0: enqueue 2', 'p1: dequeue 2'],
    ['unknown', 'p0: enqueue 1', 'p0: enqueue 2', 'p2 dequeue', 'p2 info', 'p1: dequeue 2'],
    ['valid', 'p0: enqueue 1', 'p0: enqueue 2', 'p0: enqueue 1', 'p1: dequeue 1', 'p1: drain [2,1]'],
    ['valid', 'p0 enqueue 1', 'p2: enqueue 2', 'p0 ok', 'p1: dequeue 2', 'p1: dequeue 1'],
    ['valid', 'p0: enqueue 1', 'p0: enqueue 2', 'p1 dequeue', 'p2: dequeue 2', 'p1 ok 1'],
  ],
  'fifo-queue',
);

cases('log', [
  ['valid', 'p0: send "a" [0,"a"]', 'p0: send "b" [1,"b"]', 'p1: poll [[0,"a"],[1,"b"]]'],
  ['valid', 'p0: send "a" [0,"a"]', 'p0: send "b" [5,"b"]', 'p1: poll [[0,"a"],[5,"b"]]'], // offsets may have gaps
  ['valid', 'p0 send "a"', 'p0 info', 'p1: poll [[3,"a"]]'],
  ['valid', 'p0: send "a" [0,"a"]', 'p0: send "a" [1,"a"]', 'p1: poll [[0,"a"],[1,"a"]]'],
  ['valid', 'p0: send "a" [0,"a"]', 'p1: poll [[0,"a"]]', 'p1: poll [[0,"a"]]'], // back: counted
  [
    'valid',
    'p0: send "a" [0,"a"]',
    'p0: send "b" [1,"b"]',
    'p0: send "c" [2,"c"]',
    'p1: poll [[0,"a"]]',
    'p2: poll [[1,"b"]]',
    'p1: poll [[2,"c"]]',
  ],
  ['two values at one offset', 'p0: send "a" [0,"a"]', 'p0: send "b" [1,"b"]', 'p1: poll [[0,"b"]]'],
  ['two values at one offset', 'p0: send "a" [0,"a"]', 'p2: send "b" [0,"b"]', 'p1: poll [[0,"a"]]'],
  ['duplicated value', 'p0: send "a" [0,"a"]', 'p1: poll [[0,"a"],[1,"a"]]'],
  ['lost value', 'p0: send "a" [0,"a"]', 'p0: send "b" [1,"b"]', 'p0: send "c" [2,"c"]', 'p1: poll [[0,"a"],[2,"c"]]'],
  [
    'lost value',
    'p0: send "a" [0,"a"]',
    'p0: send "b" [1,"b"]',
    'p0: send "c" [2,"c"]',
    'p1: poll [[0,"a"]]',
    'p1: poll [[2,"c"]]',
  ],
  [
    'valid',
    'p0: send "a" [0,"a"]',
    'p0: send "b" [1,"b"]',
    'p0: send "c" [2,"c"]',
    'p2 poll',
    'p2 info',
    'p1: poll [[0,"a"]]',
    'p1: poll [[2,"c"]]',
  ],
  [
    'skipped value',
    'p0: send "a" [0,"a"]',
    'p0: send "b" [1,"b"]',
    'p0: send "c" [2,"c"]',
    'p1: poll [[0,"a"],[2,"c"]]',
    'p2: poll [[1,"b"]]',
  ],
  ['reordered poll', 'p0: send "a" [0,"a"]', 'p0: send "b" [1,"b"]', 'p1: poll [[1,"b"],[0,"a"]]'],
  ['reordered sends', 'p0: send "a" [1,"a"]', 'p0: send "b" [0,"b"]', 'p1: poll [[0,"b"],[1,"a"]]'],
  ['valid', 'p0 send "a"', 'p2: send "b" [0,"b"]', 'p0 ok [1,"a"]', 'p1: poll [[0,"b"],[1,"a"]]'],
  ['aborted read', 'p0 send "a"', 'p0 fail', 'p2: send "b" [1,"b"]', 'p1: poll [[0,"a"],[1,"b"]]'],
  ['unexpected value', 'p0: send "a" [0,"a"]', 'p1: poll [[0,"a"],[1,"z"]]'],
  ['unexpected value', 'p1: poll [[0,"a"]]', 'p0: send "a" [0,"a"]'],
  ['lost value', 'p0: send "a" [0,"a"]', 'p0: send "b" [1,"b"]', 'p1: poll [[1,"b"]]'], // the first of all
  ['valid', 'p0: send "a" [0,"a"]', 'p0: send "b" [1,"b"]', 'p2 poll', 'p2 info', 'p1: poll [[1,"b"]]'],
  ['valid', 'p0: send "a" [0,"a"]', 'p0: send "b" [1,"b"]', 'p1: poll [[0,"a"]]'], // not gone past
  ['unknown', 'p0: send "a" 0', 'p1: poll [[0,"a"]]'], // nobody knows what was sent
  ['unknown', 'p0: send "a" [0,"a"]'],
  ['unknown', 'p0: send "a" [0,"a"]', 'p1: poll 7'],
  ['unknown', 'p0: send "a" [0,"a"]', 'p1: poll [[0,"a"],null]'],
]);

cases('lock', [
  ['valid', 'p0: acquire 1', 'p0: release', 'p1: acquire 2', 'p1: release'],
  ['valid', 'p0: acquire', 'p0 release', 'p1: acquire', 'p0 ok'], // it may have been released at once
  ['valid', 'p0: acquire', 'p0 release', 'p0 info', 'p1: acquire'],
  ['valid', 'p0 acquire', 'p0 info', 'p1: acquire'],
  ['valid', 'p0: acquire', 'p0 write 1', 'p0 info', 'p1: acquire'],
  ['valid', 'p0: acquire 7', 'p0: acquire 7'], // renewed
  ['two holders', 'p0: acquire', 'p1: acquire'],
  ['two holders', 'p0: acquire', 'p0 release', 'p0 fail', 'p1: acquire'],
  ['valid', 'p0: acquire', 'p1 acquire', 'p1 fail', 'p0: release'],
  ['token given twice', 'p0: acquire 1', 'p0: release', 'p1: acquire 1'],
  ['token not risen', 'p0: acquire 2', 'p0: release', 'p1: acquire 1'],
  ['valid', 'p0 acquire', 'p1: acquire 1', 'p1: release', 'p0 ok 0'],
  ['unknown', 'p0 acquire', 'p0 fail'],
  ['unknown', 'p0: release'],
]);

test.each([
  ['set', ['p0 add 1', 'p0 fail', 'p0: add 2', 'p1: read [1,2]']],
  ['queue', ['p0 enqueue 1', 'p0 fail', 'p0: enqueue 2', 'p1: dequeue 1']],
  ['log', ['p0 send "a"', 'p0 fail', 'p2: send "b" [1,"b"]', 'p1: poll [[0,"a"],[1,"b"]]']],
] as const)('%s: what was refused and yet came about is shown beside its refusal', (name, lines) => {
  const found = check(name, historyFromEvents(events(...lines)));
  expect(found).toMatchObject({ type: 'invalid', anomalies: [{ operations: [{ outcome: 'fail' }, { process: 1 }] }] });
});

test('a lock without a name is the lock', () => {
  const edn = [0, 1].map((p) => `{:process ${p} :type :invoke :f :acquire}\n{:process ${p} :type :ok :f :acquire}\n`);
  const found = lock.check(readEdn(edn.join('')).history);
  expect(found).toMatchObject({
    type: 'invalid',
    anomalies: [
      {
        sentence:
          'Process 1 acquired the lock while process 0 held it, who had acquired it and not begun to release it.',
      },
    ],
  });
});

test.each([
  [
    'taken too often',
    ['p0: enqueue 1', 'p0: enqueue 1', 'p1: dequeue 1', 'p1: dequeue 1', 'p1: dequeue 1', 'p0: enqueue 1'],
    'returned 1, which was enqueued 2 times by then and had been taken as often.',
    5,
  ],
  [
    'taken too seldom',
    ['p0: enqueue 1', 'p0: enqueue 2', 'p0: enqueue 1', 'p1: dequeue 1', 'p1: drain [2]'],
    '2 enqueues of 1 to k were acknowledged, and it was dequeued only once, though a drain invoked later found the queue empty.',
    4,
  ],
])('a value that was enqueued several times and %s is shown with all of its operations', (_, lines, end, count) => {
  const found = check('queue', historyFromEvents(events(...lines)));
  const [first] = found.type === 'invalid' ? found.anomalies : [];
  expect(first?.sentence.endsWith(end), first?.sentence).toBe(true);
  expect(first?.operations.length).toBe(count);
});
