import { MILLISECOND } from '../../history/clock.ts';
import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { around } from '../links.ts';

export default {
  name: 'slow-link',
  about: 'adds 50 to 400 ms and as much jitter to all messages of one node, often the leader',
  levers: ['shape'],
  aimable: true,
  figures: {
    'delay-ms': { about: 'added to every message', least: 1, most: 60_000 },
    'jitter-ms': { about: 'at most so much more, by chance', least: 0, most: 60_000 },
  },
  async inject(cluster, random, _wait, aim) {
    const { levers, nodes } = cluster;
    if (levers.shape === undefined || nodes.length < 2) return undefined;
    const leading = cluster.leader();
    const chosen = leading !== undefined && random.chance(0.5) ? leading : anyNode(cluster, random);
    const drawnMs = random.between(50, 400);
    const delayMs = aim?.figures?.['delay-ms'] ?? drawnMs;
    const jitterMs = aim?.figures?.['jitter-ms'] ?? delayMs;
    const victims = aim?.nodes ?? [chosen];
    return injected(
      victims,
      await levers.shape(around(victims, nodes), { delayNs: delayMs * MILLISECOND, jitterNs: jitterMs * MILLISECOND }),
    );
  },
} satisfies Fault;
