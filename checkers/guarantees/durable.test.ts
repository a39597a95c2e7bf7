import { expect, test } from 'vitest';
import { evidence, judge, sentences } from '../sessions/testing.ts';
import checker from './durable.ts';

const epilogue = 'harness phase "epilogue"';

test('elements that are all read back', () => {
  const verdict = judge(checker, [
    'p1: w e1 1',
    'p1: w e2 2',
    'p1 w e3 3',
    'p1 info',
    epilogue,
    'p9: r* e1,e2,e3 1,2,3 path=leader',
  ]);
  expect(verdict).toEqual({
    type: 'valid',
    examined: {
      operations: 4,
      writes: 2,
      acknowledged: 2,
      survived: 2,
      lost: 0,
      recovered: 1,
      covered: 0,
      'not read back': 0,
      unexpected: 0,
    },
  });
});

test('a cas that was acknowledged and is not there is called one', () => {
  const lines = ['p1: w e1 1', 'p1: cas e1 1 2', epilogue, 'p9: r* e1 1 path=leader'];
  expect(sentences(judge(checker, lines))[0]).toMatch(
    /^The cas of e1 from 1 to 2, acknowledged at .* is missing from the final state/,
  );
});

test('an element that was acknowledged and is not there', () => {
  const verdict = judge(checker, [
    'p1: w e1 1',
    'nemesis isolate-leader {"do":"inject","id":1,"targets":["n1"]}',
    'p2: w e2 2 node=n1 role=leader version=g0/2/118',
    'nemesis isolate-leader {"do":"heal","id":1,"targets":["n1"]}',
    'p1 w e3 3',
    'p1 info',
    epilogue,
    'p9: r* e1,e2,e3 1,null,null path=leader node=n2 role=leader',
  ]);
  expect(sentences(verdict)).toEqual([
    'The write of 2 to e2, acknowledged by n1 (leader) in term 2 at 4 ms (during isolate-leader), is missing from the final state: the read of e2 from n2 (leader) at 10 ms returned null.',
  ]);
  expect(evidence(verdict)).toEqual([3, 9]);
  expect(verdict).toMatchObject({ count: 1, examined: { survived: 1, lost: 1, recovered: 0 } });
});

test('what one node says of itself is no final state', () => {
  const verdict = judge(checker, ['p1: w e1 1', epilogue, 'p9: r e1 1 path=leader', 'p9: r e1 null path=node:n2']);
  expect(verdict.type).toBe('valid');
});

test('a register shows the loss of its last write, and nothing of those before', () => {
  const lines = ['p1: w x 1', 'p1: w x 2', 'p1: w x 3', epilogue];
  expect(judge(checker, [...lines, 'p9: r x 3'])).toMatchObject({ type: 'valid', examined: { writes: 1, covered: 2 } });
  expect(judge(checker, [...lines, 'p9: r x 2'])).toMatchObject({ type: 'invalid', count: 1 });
  const pending = ['p1: w x 1', 'p2 w x 2', 'p2 info', 'p1: w x 3', epilogue, 'p9: r x 2'];
  expect(sentences(judge(checker, pending))).toEqual([
    'unknown: of 2 acknowledged writes, 0 had no answered final read, and 2 were covered by newer ones',
  ]);
});

test('a loss that a newer write covers is found by the terms of the final log', () => {
  const verdict = judge(checker, [
    'p1: w x 1 node=n1 role=leader version=g0/2/118',
    'p2: w e 5 node=n2 role=leader version=g0/3/115',
    'p2: w x 2 node=n2 role=leader version=g0/3/119',
    epilogue,
    'p9: r* x,e 2,5 node=n2 role=leader',
  ]);
  expect(sentences(verdict)).toEqual([
    'The write of 1 to x, acknowledged by n1 (leader) in term 2 at 1 ms, was undone: the read of e from n2 (leader) at 8 ms shows that the final log does not hold (2,118), for it holds (3,115).',
  ]);
});

test('the terms of the final log also show what is there though it was covered', () => {
  const verdict = judge(checker, [
    'p1: w a 1 version=g0/2/110',
    'p1: w x 2 version=g0/2/118',
    'p1: w x 3 version=g0/2/130',
    'p1: w x 4 version=g0/3/140',
    'p1: w b 5 version=g0/2/135',
    epilogue,
    'p9: r* a,x,b 1,4,5',
  ]);
  expect(verdict).toMatchObject({ type: 'valid', examined: { writes: 5, survived: 5, covered: 0 } });
});

test('one place in the log cannot hold two acknowledged writes', () => {
  const verdict = judge(checker, [
    'p1: w x 1 node=n1 version=g0/2/7',
    'p2: w x 2 node=n2 version=g0/2/7',
    epilogue,
    'p9: r x 2',
  ]);
  expect(sentences(verdict)[0]).toBe(
    'Two writes were acknowledged with one version (2,7): 1 to x from n1 at 1 ms, and 2 to x from n2 at 3 ms.',
  );
});

test('a final read of what was refused names the refused write, though another key has that value too', () => {
  const verdict = judge(checker, ['p0 w x 1', 'p0 fail', 'p0: w y 1', epilogue, 'p9: r x 1', 'p9: r y 1']);
  expect(sentences(verdict)).toEqual([
    "The read of x at 6 ms returned 1, which never took effect on x: process 0's write of 1 to x was refused.",
  ]);
  expect(verdict).toMatchObject({
    anomalies: [{ kind: 'read of a refused write', operations: [{ outcome: 'fail' }, { f: 'read' }] }],
  });
});

test('values that nobody wrote, and values in the wrong place', () => {
  const verdict = judge(checker, ['p1: w e1 1', 'p1 w e2 2', 'p1 info', epilogue, 'p9: r e1 99', 'p9: r e2 1']);
  expect(sentences(verdict)).toEqual([
    'The write of 1 to e1, acknowledged at 1 ms, is missing from the final state: the read of e1 at 6 ms returned 99.',
    'The final read of e1 at 6 ms returned 99, which nobody ever tried to write there.',
    'The final read of e2 at 8 ms returned 1, which was written to e1 only.',
  ]);
});

test('nothing read back, nothing judged', () => {
  expect(sentences(judge(checker, ['p1: w e1 1', 'p9: r e1 1']))).toEqual([
    'unknown: nothing was read back at the end',
  ]);
});

test('an acknowledged write that was not read back leaves it open, and excuses no loss', () => {
  const lines = ['p1: w e1 1', 'p1: w e2 2', epilogue, 'p9 r e2', 'p9 fail'];
  const open = judge(checker, [...lines, 'p9: r e1 1']);
  expect(open).toMatchObject({ type: 'unknown', examined: { writes: 1, 'not read back': 1 } });
  expect(sentences(open)).toEqual([
    'unknown: of 2 acknowledged writes, 1 had no answered final read, and 0 were covered by newer ones',
  ]);
  expect(judge(checker, [...lines, 'p9: r e1 null'])).toMatchObject({ type: 'invalid', count: 1 });
});

test('what was read before the end is no final state', () => {
  const lines = ['p1: w e1 1', 'p1: r e1 1', 'p1: w e2 2', epilogue, 'p9 r e1', 'p9 fail', 'p9: r e2 2'];
  expect(judge(checker, lines)).toMatchObject({ type: 'unknown', examined: { survived: 1, 'not read back': 1 } });
});

test('a later place of a lower term leaves no room for an earlier one of a higher', () => {
  const verdict = judge(checker, [
    'p1: w x 1 version=g0/3/118',
    'p1: w e 5 version=g0/2/130',
    'p1: w x 2 version=g0/4/140',
    epilogue,
    'p9: r* x,e 2,5',
  ]);
  expect(verdict).toMatchObject({ type: 'invalid', count: 1, examined: { lost: 1, survived: 2 } });
});

test('the position of an answer may name the current term, and proves nothing of its own place', () => {
  const lines = ['p1: w x 1 version=g0/3/118', 'p2: w x 2', epilogue];
  expect(judge(checker, [...lines, 'p9: r x 2 position=g0/5/118'])).toMatchObject({
    type: 'valid',
    examined: { survived: 1, covered: 1 },
  });
  expect(judge(checker, [...lines, 'p9: r x 2 position=g0/5/117']).type).toBe('invalid');
});

test('one path is judged by the evidence of all: covered losses are proven by what others wrote', () => {
  const lines = [
    'p1: w x 1 path=fast node=n1 role=leader version=g0/2/118',
    'p2: w e 5 path=safe node=n2 role=leader version=g0/3/115',
    'p1: w x 2 path=fast node=n2 role=leader version=g0/3/119',
    epilogue,
    'p9: r* x,e 2,5 node=n2 role=leader',
  ];
  expect(judge(checker, lines, { blame: 'fast' })).toMatchObject({
    type: 'invalid',
    count: 1,
    examined: { acknowledged: 2, lost: 1, survived: 1 },
  });
  expect(judge(checker, lines, { blame: 'safe' })).toMatchObject({
    type: 'valid',
    examined: { operations: 4, acknowledged: 1, writes: 1 },
  });
  expect(sentences(judge(checker, lines, { blame: 'other' }))).toEqual(['unknown: no write was acknowledged']);
});

test('values that nobody wrote are blamed on the path that writes to the key', () => {
  const lines = ['p1: w a 1 path=fast', 'p2: w b 2 path=safe', epilogue, 'p9: r* a,b 1,99 path=fast'];
  expect(judge(checker, lines, { blame: 'fast' }).type).toBe('valid');
  expect(judge(checker, lines, { blame: 'safe' })).toMatchObject({ type: 'invalid', count: 2 });
});

test('of two writes of two paths in one place, the one that did not survive is to blame', () => {
  const lines = ['p1: w x 1 path=fast version=g0/2/7', 'p2: w y 2 path=safe version=g0/2/7', 'p2: w y 3', epilogue];
  const fast = [...lines, 'p9: r* x,y 1,3 path=leader'];
  expect(judge(checker, fast, { blame: 'fast' }).type).toBe('valid');
  expect(judge(checker, fast, { blame: 'safe' })).toMatchObject({ type: 'invalid', count: 1 });
  const neither = [...lines, 'p1: w x 4', 'p9: r* x,y 4,3 path=leader'];
  for (const blame of ['fast', 'safe']) expect(judge(checker, neither, { blame }).type).toBe('unknown');
});

test('a final read of null shows the initial value, which is no invention', () => {
  const verdict = judge(checker, ['p1: w e1 1', epilogue, 'p9: r* e1,e2 null,null'], { initial: 0 });
  expect(verdict).toMatchObject({ type: 'invalid', count: 1, examined: { lost: 1, unexpected: 0 } });
});

test('what is acknowledged after the final read was asked for need not be in its answer', () => {
  const lines = ['p1: w x 1', 'p2 w x 2', epilogue, 'p9 r x path=leader', 'p2 ok', 'p9 ok 1'];
  expect(sentences(judge(checker, lines))).toEqual([
    'unknown: of 2 acknowledged writes, 1 had no answered final read, and 0 were covered by newer ones',
  ]);
  expect(judge(checker, [...lines, 'p9: r x 1 path=leader']).type).toBe('invalid');
});

test('of several writes with one version, those of one path contradict each other', () => {
  const lines = [
    'p0: w x 1 path=safe version=g0/1/7',
    'p0: w y 2 path=fast version=g0/1/7',
    'p0: w z 3 path=fast version=g0/1/7',
    epilogue,
    'p9: r* x,y,z 1,2,3 path=leader',
  ];
  expect(judge(checker, lines, { blame: 'fast' })).toMatchObject({ type: 'invalid', count: 2 });
  expect(judge(checker, lines.toSpliced(0, 1), { blame: 'fast' })).toMatchObject({ type: 'invalid', count: 1 });
});
