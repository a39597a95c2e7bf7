import { test } from 'vitest';
import { eachRound } from '../../test-support/rounds.ts';
import { makeCounter, makeLock, makeSet } from './makers-testing.ts';
import { agrees, list, type Op, text } from './testing.ts';

test('set', () => {
  agrees(eachRound, 'set', makeSet, ['duplicated element', 'lost element', 'unexpected element'], (ops) => {
    const kinds = new Set<string>();
    const reads = ops.filter(({ f, type }) => f === 'read' && type === 'ok');
    const adds = ops.filter(({ f, type }) => f === 'add' && type !== 'fail');
    const has = (read: Op, element: string): boolean => list(read.answer).some((item) => text(item) === element);
    const added = (element: string): Op[] => adds.filter(({ asked }) => text(asked) === element);
    for (const read of reads) {
      const items = list(read.answer).map(text);
      for (const item of items) {
        if (!added(item).some(({ call }) => call < read.ret)) kinds.add('unexpected element');
        else if (items.filter((other) => other === item).length > 1) kinds.add('duplicated element');
      }
    }
    for (const element of new Set(adds.map(({ asked }) => text(asked)))) {
      const first = Math.min(...added(element).map(({ call }) => call));
      const showing = reads.filter((read) => has(read, element) && first < read.ret);
      const known = Math.min(...added(element).map(({ ret }) => ret), ...showing.map(({ ret }) => ret));
      const lost = reads.some(
        (read) => read.call > known && !has(read, element) && showing.every(({ ret }) => ret < read.call),
      );
      if (lost) kinds.add('lost element');
    }
    return kinds;
  });
});

test('counter: each read against every subset of what is open to it', () => {
  agrees(eachRound, 'counter', makeCounter, ['sum too great', 'sum too small'], (ops) => {
    const kinds = new Set<string>();
    const adds = ops.filter(({ f, type }) => f === 'add' && type !== 'fail');
    for (const read of ops.filter(({ f, type }) => f === 'read' && type === 'ok')) {
      let sums = [0];
      for (const { asked, call, ret } of adds) {
        const by = asked as number;
        if (ret < read.call) sums = sums.map((sum) => sum + by);
        else if (call < read.ret) sums = sums.flatMap((sum) => [sum, sum + by]);
      }
      if ((read.answer as number) < Math.min(...sums)) kinds.add('sum too small');
      if ((read.answer as number) > Math.max(...sums)) kinds.add('sum too great');
    }
    return kinds;
  });
});

test('lock', () => {
  agrees(eachRound, 'lock', makeLock, ['token given twice', 'token not risen', 'two holders'], (ops, all) => {
    const kinds = new Set<string>();
    const acquired = ops.filter(({ f, type }) => f === 'acquire' && type === 'ok');
    const lets = (op: Op): boolean =>
      op.type === 'info' || (ops.includes(op) && op.f === 'release' && op.type === 'ok');
    const end = ({ process, ret }: Op): number => {
      const letting = all.filter((op) => op.process === process && op.call > ret && lets(op));
      return Math.min(...letting.map(({ call }) => call), Number.POSITIVE_INFINITY);
    };
    for (const b of acquired) {
      const held = acquired.filter((a) => a.ret < b.ret && b.ret < end(a));
      if (held.some((a) => a.process !== b.process)) kinds.add('two holders');
      if (held.some((a) => a.process === b.process && a.answer === b.answer)) continue;
      const earlier = acquired.filter((a) => a.ret < b.ret);
      if (earlier.some((a) => a.answer === b.answer)) kinds.add('token given twice');
      else if (earlier.some((a) => a.ret < b.call && (a.answer as number) > (b.answer as number)))
        kinds.add('token not risen');
    }
    return kinds;
  });
});
