import { expect, test } from 'vitest';
import { printable } from '../checkers/explain/labels.ts';
import { SECOND } from '../history/clock.ts';
import type { Sighting } from '../history/operation.ts';
import type { Deployment } from './environments/environment.ts';
import { NotStarted, untilLed } from './ready.ts';
import type { System } from './system.ts';
import type { Watch } from './watch.ts';

/** Time passes as it is waited for. */
function cluster(wrote: Readonly<Record<string, readonly string[]>>, crashes: () => readonly string[] = () => []) {
  let now = 0;
  const clock = { now: () => now, sleepUntil: async (at: number) => void (await Promise.resolve((now = at))) };
  const lastLines = (node: string): Promise<readonly string[]> => Promise.resolve(wrote[node]);
  return { clock, nodes: Object.keys(wrote), crashes, lastLines } as unknown as Deployment; // what is asked of one
}

const watch = { led: false, look: () => Promise.resolve() } as unknown as Watch; // what is asked of one
const silentBut = (node: string): System =>
  ({
    sight: (_: Deployment, asked: string) => Promise.resolve(asked === node ? [{} as Sighting] : []),
  }) as unknown as System; // what is asked of one

test('of a cluster that does not come to be led it is told for how long, which nodes are silent, and what all wrote last', async () => {
  const asked = untilLed(
    cluster({ n1: ['to stdout', '\u001b[31mto stderr'], n2: [], n3: ['x'] }),
    watch,
    silentBut('n3'),
  );
  await expect(asked).rejects.toThrow(
    new NotStarted(
      [
        'the cluster did not start: not every replication group had a leader within 30 s, and n1, n2 did not answer once it was over',
        'n1 wrote last:',
        '  to stdout',
        `  ${printable('\u001b[31mto stderr')}`,
        'n2 wrote nothing',
        'n3 wrote last:',
        '  x',
      ].join('\n'),
    ),
  );
});

test('of a node that has ended what it wrote is told, and nothing of the others', async () => {
  const ended = 'n2 ended by itself after 2.0 s: code 1: no licence';
  const told = { n1: ['fine', 'fine'], n2: ['looks for a licence', 'no licence'], n3: [] };
  await expect(
    untilLed(
      cluster(told, () => [ended]),
      watch,
      silentBut(''),
    ),
  ).rejects.toThrow(
    new NotStarted(`the cluster did not start: ${ended}\nn2 wrote last:\n  looks for a licence\n  no licence`),
  );
  await expect(
    untilLed(
      cluster({ n2: ['no licence'] }, () => [ended]),
      watch,
      silentBut(''),
    ),
  ).rejects.toThrow(new NotStarted(`the cluster did not start: ${ended}`));
});

test('a store that is led and lacks something is told by what it lacks, once its time is over', async () => {
  const system = {
    ...silentBut(''),
    start: { withinNs: 2 * SECOND, lacks: () => Promise.resolve(['n1 does not answer']) },
  } as unknown as System; // what is asked of one
  const led = { led: true, look: () => Promise.resolve() } as unknown as Watch; // what is asked of one
  await expect(untilLed(cluster({ n1: ['a'] }), led, system)).rejects.toThrow(
    new NotStarted('the cluster did not start: after 2 s n1 does not answer\nn1 wrote last:\n  a'),
  );
});
