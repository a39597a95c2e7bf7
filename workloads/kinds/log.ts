import { call, type Script, type Workload } from '../workload.ts';

/** Logs per lane: few, so that sessions meet on them. */
const LOGS = 4;

/**
 * Sessions send to a few logs, and poll each from where they left off. All logs are polled to their end in the epilogue, so that an
 * acknowledged entry that is missing there was lost.
 */
export default {
  name: 'log',
  about: 'unique entries sent to a few logs (partitions), polled from where each session left off',
  methods: ['send', 'poll'],
  exercises: ['log'],
  *script(session, random): Script {
    const from = new Map<string, number>();
    for (;;) {
      const key = `g${session.lane}.${random.below(LOGS)}`;
      if (random.chance(0.5)) {
        yield* call({ f: 'send', key, value: session.unique() });
        continue;
      }
      const { outcome, value } = yield* call({ f: 'poll', key, from: from.get(key) ?? 0 });
      const last: unknown = outcome === 'ok' && Array.isArray(value) ? value.at(-1) : undefined;
      if (Array.isArray(last)) from.set(key, Number(last[0]) + 1);
    }
  },
} satisfies Workload;
