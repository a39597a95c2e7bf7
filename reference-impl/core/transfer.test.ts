import { expect, it } from 'vitest';
import type { Message } from './messages.ts';
import { generator } from './testdata/chaos.ts';
import { Cluster, readAll, timings } from './testdata/cluster.ts';
import type { Letter } from './testdata/cluster.ts';
import { quiesce } from './testdata/rest.ts';

const VALUES = 40;

const of = (id: string) => (letter: Letter) => letter.from === id || letter.to === id;

/** n1 leads; n3 knows nothing of the log, and n1 has compacted it. A part is one value. */
function behind(): Cluster {
  const cluster = new Cluster(['n1', 'n2', 'n3'], { ...timings, snapshotPartItems: 1 });
  cluster.startAll();
  cluster.nowMs = 400;
  cluster.fire('n1', 'election');
  quiesce(cluster, of('n3'));
  for (let key = 0; key < VALUES; key++) cluster.request('n1', { type: 'write', key, value: key });
  quiesce(cluster, of('n3'));
  cluster.compact('n1', readAll(cluster.open('n1'), 1000), VALUES + 1);
  return cluster;
}

function beat(cluster: Cluster): void {
  cluster.nowMs += 50;
  cluster.fire('n1', 'heartbeat');
}

function parts(cluster: Cluster): (Message & { readonly type: 'snapshot-part' })[] {
  return cluster.letters.flatMap(({ message }) => (message.type === 'snapshot-part' ? [message] : []));
}

/** Takes n3's rejection to n1, which begins to send. */
function begin(cluster: Cluster): void {
  beat(cluster);
  expect(parts(cluster).length).toBeLessThanOrEqual(4);
  for (const letter of cluster.letters.filter(of('n3'))) cluster.deliver(letter);
  for (const letter of cluster.letters.filter(({ from }) => from === 'n3')) cluster.deliver(letter);
}

it('keeps at most four parts on their way', () => {
  const cluster = behind();
  begin(cluster);
  for (let i = 0; i < VALUES + 20; i++) {
    expect(parts(cluster).length).toBeLessThanOrEqual(4);
    const [next] = cluster.letters.filter(of('n3'));
    if (next !== undefined) cluster.deliver(next);
  }
  quiesce(cluster);
  expect(cluster.replica('n3').status()).toMatchObject({ last: { index: VALUES + 1 }, commit: { index: VALUES + 1 } });
  expect(cluster.machine('n3').durable.snapshot?.values.length).toBe(VALUES);
});

it('begins anew when the follower has forgotten what it had taken', () => {
  const cluster = behind();
  begin(cluster);
  for (let i = 0; i < 20; i++) {
    const [next] = cluster.letters.filter(of('n3'));
    cluster.deliver(next);
  }
  cluster.crash('n3');
  cluster.start('n3');
  quiesce(cluster);
  const sent: number[] = [];
  for (let i = 0; i < 10; i++) {
    beat(cluster);
    sent.push(...parts(cluster).map(({ part }) => part));
    quiesce(cluster);
  }
  expect(sent).toContain(0);
  expect(cluster.replica('n3').status().last.index).toBe(VALUES + 1);
});

it('lets go of the image when the follower falls silent, and when the leadership ends', () => {
  for (const end of ['silence', 'leadership']) {
    const cluster = behind();
    begin(cluster);
    quiesce(cluster, of('n3'));
    // While the image is held, compaction does not pass it: what follows it will be needed next.
    for (let i = 0; i < 5; i++) cluster.request('n1', { type: 'write', key: 'x', value: i });
    quiesce(cluster, of('n3'));
    const held = VALUES + 1;
    cluster.compact('n1', readAll(cluster.open('n1'), 1000), held + 5);
    expect(cluster.replica('n1').status().first).toBe(held + 1);
    if (end === 'silence') {
      for (let i = 0; i < 13; i++) {
        beat(cluster);
        quiesce(cluster, of('n3'));
      }
    } else {
      cluster.nowMs += 1000;
      cluster.fire('n1', 'check-quorum');
      expect(cluster.replica('n1').status().role).toBe('follower');
    }
    cluster.replica('n1').compacted('g0', held + 5);
    expect(cluster.replica('n1').status().first).toBe(held + 6);
  }
});

it('loses no part for good, whatever is lost on the way', () => {
  const cluster = behind();
  const random = generator(5);
  let lost = 0;
  const loses = (letter: Letter): boolean => of('n3')(letter) && random() < 0.3 && ++lost > 0;
  for (let i = 0; i < 400 && cluster.replica('n3').status().last.index <= VALUES; i++) {
    beat(cluster);
    quiesce(cluster, loses);
  }
  expect(cluster.replica('n3').status().last.index).toBeGreaterThan(VALUES);
  expect(lost).toBeGreaterThan(10);
});
