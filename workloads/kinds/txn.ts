import type { Key } from '../../history/operation.ts';
import type { Step } from '../../history/store.ts';
import { call, type Script, type Workload } from '../workload.ts';

/** Of 100 transactions: those that only read, those that read two keys and write one of them; the rest write both. */
const READS = 30;
const READS_AND_WRITES = 50;

/**
 * Transactions over two of a few hot keys, made so that each isolation level that is weaker than serializable shows: two that read
 * both keys and each write one (write skew), or that read and then write the same one (a lost update). Every value written is new.
 */
export default {
  name: 'txn',
  about:
    'transactions that read and write two of a few hot keys: lost updates and write skew show; only where it is named',
  methods: ['txn'],
  exercises: ['linearizable', 'read-your-writes', 'monotonic-reads'],
  byName: true,
  *script(session, random): Script {
    const keys = Math.max(2, session.options.keys);
    const name = (i: number): Key => `t${session.lane}.${i}`;
    for (;;) {
      const one = random.below(keys);
      const other = (one + 1 + random.below(keys - 1)) % keys;
      const [a, b] = [name(one), name(other)];
      const looks: readonly Step[] = [
        ['r', a, null],
        ['r', b, null],
      ];
      const dice = random.below(100);
      if (dice < READS) yield* call({ f: 'txn', steps: looks });
      else if (dice < READS + READS_AND_WRITES)
        yield* call({ f: 'txn', steps: [...looks, ['w', random.pick([a, b]), session.unique()]] });
      else {
        const steps: readonly Step[] = [
          ['w', a, session.unique()],
          ['w', b, session.unique()],
        ];
        yield* call({ f: 'txn', steps });
      }
    }
  },
} satisfies Workload;
