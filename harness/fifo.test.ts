import { expect, it } from 'vitest';
import { Random } from '../history/random.ts';
import { Fifo } from './fifo.ts';

it('behaves as an array does, also when it is long', () => {
  const random = new Random('fifo');
  const fifo = new Fifo<number>();
  const twin: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    if (random.chance(i < 10_000 ? 0.7 : 0.3)) {
      fifo.push(i);
      twin.push(i);
    } else {
      expect(fifo.peek()).toBe(twin[0]);
      expect(fifo.shift()).toBe(twin.shift());
    }
    expect(fifo.length).toBe(twin.length);
  }
});
