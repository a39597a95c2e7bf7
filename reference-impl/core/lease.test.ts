import { expect, it } from 'vitest';
import { Cluster, timings } from './testdata/cluster.ts';
import type { Letter, Timings } from './testdata/cluster.ts';
import { quiesce } from './testdata/rest.ts';

const BOUND_PPM = 50_000;

interface Moments {
  /** The last millisecond of true time since its last round at which n1 served a lease read at once. */
  readonly served: number;
  /** The first at which another leader could be elected. */
  readonly elected: number;
}

/** n1 leads, is cut off just after a round of confirmation, and everybody's clock runs at its own rate. */
function cutOff(rates: readonly number[], config: Partial<Timings>): Moments {
  const cluster = new Cluster(['n1', 'n2', 'n3'], { ...timings, clockDriftPpmMax: BOUND_PPM, ...config });
  rates.forEach((rate, i) => cluster.setClock(`n${i + 1}`, rate));
  cluster.startAll();
  cluster.nowMs = 700;
  cluster.fire('n1', 'election');
  quiesce(cluster);
  const leaseRead = { type: 'read', path: 'leader-lease', keys: ['x'], waitMs: 0 } as const;
  cluster.request('n1', leaseRead);
  quiesce(cluster);
  cluster.fire('n1', 'heartbeat');
  quiesce(cluster);
  const cut = ({ from, to }: Letter): boolean => from === 'n1' || to === 'n1';
  let served = 0;
  for (let ms = 1; ms < 1000; ms++) {
    cluster.nowMs++;
    const read = cluster.request('n1', leaseRead);
    if (cluster.answers.get(read)?.type === 'read') served = ms;
    for (const id of ['n2', 'n3']) {
      if (cluster.machine(id).timers.has('election')) cluster.fire(id, 'election');
      quiesce(cluster, cut);
      if (cluster.replica(id).status().role === 'leader') return { served, elected: ms };
    }
  }
  throw new Error('nobody was elected');
}

const e = BOUND_PPM / 1e6;
const RATES = [1 - e, 1, 1 + e];
const ALL = RATES.flatMap((a) => RATES.flatMap((b) => RATES.map((c) => [a, b, c])));

it('is over before anybody else can be elected, however clocks drift within the bound', () => {
  for (const rates of ALL) {
    const { served, elected } = cutOff(rates, {});
    expect(served, rates.join(' ')).toBeLessThan(elected);
    expect(served, rates.join(' ')).toBeGreaterThan(240);
  }
});

it('outlasts an election when clocks drift beyond the bound, or when the bound is not allowed for', () => {
  const beyond = cutOff([1 - 2 * e, 1 + 2 * e, 1 + 2 * e], {});
  expect(beyond.served).toBeGreaterThanOrEqual(beyond.elected);
  const careless = cutOff([1 - e, 1 + e, 1 + e], { defect: 'lease-ignores-drift' });
  expect(careless.served).toBeGreaterThanOrEqual(careless.elected);
});

it('is renewed by heartbeats only while somebody asks for it', () => {
  const cluster = new Cluster(['n1', 'n2', 'n3']);
  cluster.startAll();
  cluster.nowMs = 700;
  cluster.fire('n1', 'election');
  quiesce(cluster);
  const round = (): number => {
    cluster.nowMs += 50;
    cluster.fire('n1', 'heartbeat');
    const message = cluster.letters[0]?.message;
    quiesce(cluster);
    return message?.type === 'append' ? message.round : -1;
  };
  expect(round()).toBe(0);
  cluster.request('n1', { type: 'read', path: 'leader-lease', keys: ['x'], waitMs: 0 });
  quiesce(cluster);
  expect([round(), round(), round()]).toEqual([2, 3, 4]);
  for (let i = 0; i < 9; i++) round();
  expect([round(), round()]).toEqual([13, 13]);
});
