/**
 * What Redis's documentation claims, which is little: replication is asynchronous, and a failover may lose what was acknowledged.
 * Whatever else its paths do or do not keep are findings.
 */
import type { Guarantee } from '../../history/guarantee.ts';
import type { Citation, Claim } from '../system.ts';

/*
 * convergent: https://redis.io/docs/latest/operate/oss_and_stack/management/replication/ - a replica reconnects whenever its link
 * breaks, and attempts to be an exact copy of its master whatever happens to that.
 *
 * one-leader-per-term: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/, "Configuration epochs" - a majority
 * assigns the epoch of a failover to one Sentinel, and no other can use it: each configuration has a version of its own.
 */
export const always: readonly Guarantee[] = ['convergent', 'one-leader-per-term'];

const management = 'https://redis.io/docs/latest/operate/oss_and_stack/management';

const sources: Partial<Record<Guarantee, Citation>> = {
  convergent: {
    url: `${management}/replication/`,
    says: 'a replica reconnects whenever its link breaks, and attempts to be an exact copy of its master',
  },
  'one-leader-per-term': {
    url: `${management}/sentinel/`,
    says: 'every failover has a configuration epoch of its own, which a majority gives to one Sentinel alone',
  },
};

export function citation({ guarantee }: Claim): Citation | undefined {
  return sources[guarantee];
}
