import { MILLISECOND } from '../../history/clock.ts';
import { anyNode } from '../aim.ts';
import type { Fault } from '../fault.ts';
import { injected } from '../injected.ts';
import { between, without } from '../links.ts';

export default {
  name: 'slow-link',
  about: 'adds 50 to 400 ms and as much jitter to all messages of one node, often the leader',
  levers: ['shape'],
  async inject(cluster, random) {
    const { levers, nodes } = cluster;
    if (levers.shape === undefined || nodes.length < 2) return undefined;
    const leading = cluster.leader();
    const victim = leading !== undefined && random.chance(0.5) ? leading : anyNode(cluster, random);
    const delayNs = random.between(50, 400) * MILLISECOND;
    return injected(
      [victim],
      await levers.shape(between([victim], without(nodes, victim)), { delayNs, jitterNs: delayNs }),
    );
  },
} satisfies Fault;
