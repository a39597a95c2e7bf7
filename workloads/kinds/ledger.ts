import { call, type Script, type Workload } from '../workload.ts';

/** How far back a session looks when it reads an entry again. */
const RECENT = 16;

/**
 * Entries that nothing ever overwrites: each is a key of its own, written once. All are read back in the epilogue, so that an
 * acknowledged entry that is missing there was lost. This is what `durable` is judged on.
 */
export default {
  name: 'ledger',
  about: 'unique entries that nothing overwrites, all read back at the end',
  methods: ['read', 'write', 'readMany'],
  exercises: ['durable', 'convergent', 'read-your-writes'],
  *script(session, random): Script {
    const recent: string[] = [];
    for (;;) {
      if (recent.length > 0 && random.chance(0.25)) {
        yield* call({ f: 'read', key: random.pick(recent) });
        continue;
      }
      const entry = session.unique();
      const key = `l${session.lane}.${entry}`;
      const reply = yield* call({ f: 'write', key, value: entry });
      if (reply.outcome !== 'ok') continue;
      recent.push(key);
      if (recent.length > RECENT) recent.shift();
    }
  },
} satisfies Workload;
