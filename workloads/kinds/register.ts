import { Ranks } from '../../history/random.ts';
import { call, type Script, type Workload } from '../workload.ts';

/**
 * Reads, unique writes and compare-and-sets over a few hot registers. A cas expects what its session has just
 * read, so that many succeed; every value written is new, so that a read says which write it saw. A system without cas is
 * asked the reads and the writes.
 */
export default {
  name: 'register',
  about: 'reads, unique writes and compare-and-sets over a few hot keys',
  methods: ['read', 'write'],
  optional: ['cas'],
  exercises: ['linearizable', 'monotonic-reads', 'read-your-writes', 'fenced'],
  *script(session, random): Script {
    const hasCas = session.options.methods?.includes('cas') ?? true;
    const ranks = new Ranks(session.options.keys, session.options.distribution);
    for (;;) {
      const key = `r${session.lane}.${ranks.draw(random)}`;
      const dice = random.below(100);
      if (dice < 25) {
        yield* call({ f: 'write', key, value: session.unique() });
        continue;
      }
      const seen = yield* call({ f: 'read', key });
      if (dice >= 50 || seen.outcome !== 'ok' || !hasCas) continue;
      yield* call({ f: 'cas', key, expected: seen.value, next: session.unique() });
    }
  },
} satisfies Workload;
