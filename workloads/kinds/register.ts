import { Ranks } from '../../history/random.ts';
import { call, type Script, type Workload } from '../workload.ts';

/**
 * Reads, unique writes and compare-and-sets over a few hot registers. A cas expects what its session saw last, so that
 * many succeed; every value written is new, so that a read says which write it saw.
 */
export default {
  name: 'register',
  about: 'reads, unique writes and compare-and-sets over a few hot keys',
  methods: ['read', 'write', 'cas'],
  exercises: ['linearizable', 'monotonic-reads', 'read-your-writes', 'fenced'],
  *script(session, random): Script {
    const ranks = new Ranks(session.options.keys, session.options.distribution);
    const lastSeen = new Map<string, number>();
    for (;;) {
      const key = `r${session.lane}.${ranks.draw(random)}`;
      const dice = random.below(100);
      const known = lastSeen.get(key);
      if (dice < 20 && known !== undefined) {
        const next = session.unique();
        const reply = yield* call({ f: 'cas', key, expected: known, next });
        if (reply.outcome === 'ok') lastSeen.set(key, next);
        else lastSeen.delete(key);
      } else if (dice < 45) {
        const value = session.unique();
        const reply = yield* call({ f: 'write', key, value });
        if (reply.outcome === 'ok') lastSeen.set(key, value);
      } else {
        const reply = yield* call({ f: 'read', key });
        if (reply.outcome === 'ok' && typeof reply.value === 'number') lastSeen.set(key, reply.value);
      }
    }
  },
} satisfies Workload;
