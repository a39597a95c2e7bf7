import { call, readableTogether, type Script, type Workload } from '../workload.ts';

/** How many users share a page, so that they read one another's writes. */
const USERS_PER_PAGE = 4;

/**
 * Users who write, then read what they wrote, from anywhere: each has pages of its own and pages shared with a few others,
 * writes several keys in an order that readers can check, and roams between its devices.
 */
export default {
  name: 'sessions',
  about: 'users who write, then read from anywhere, and roam between devices',
  methods: ['read', 'readMany', 'write'],
  exercises: ['read-your-writes', 'monotonic-reads', 'monotonic-writes', 'writes-follow-reads'],
  *script(session, random): Script {
    const page = Math.floor(session.index / USERS_PER_PAGE);
    const own = [`s${session.lane}.u${session.index}.a`, `s${session.lane}.u${session.index}.b`];
    const shared = [`s${session.lane}.p${page}.a`, `s${session.lane}.p${page}.b`];
    let device = session.devices[0];
    for (;;) {
      if (random.chance(0.15)) device = random.pick(session.devices);
      const dice = random.below(100);
      if (dice < 40) {
        const key = random.pick(dice < 20 ? own : shared);
        yield* call({ f: 'write', key, value: session.unique(), device });
        // The user looks at what was just saved, now and then from the other device.
        if (random.chance(0.2)) device = random.pick(session.devices);
        yield* call({ f: 'read', key, device });
      } else if (dice < 65) {
        const keys = readableTogether([...own, ...shared], session.options, random);
        yield* call({ f: 'readMany', keys, device });
      } else {
        yield* call({ f: 'read', key: random.pick(random.chance(0.5) ? own : shared), device });
      }
    }
  },
} satisfies Workload;
