/**
 * The rule of outcomes, on random scripts of what becomes of attempts, against a naive twin: it looks at nothing but the
 * list of fates that the client was shown before it spoke.
 */
import { expect, test } from 'vitest';
import { Random } from '../../history/random.ts';
import type { RefusalCode } from '../core/types.ts';
import { RoutingClient } from './client.ts';
import { Indeterminate, RefusedByStore } from './errors.ts';
import { type Fate, refused, TRIP_MS, World, written } from './testing.ts';

/** No answer comes at this very instant. */
const DEADLINE_MS = 1000.5;
const RUNS = 2000;
const codes: readonly RefusalCode[] = [
  ...(['NOT_LEADER', 'NOT_READY', 'HANDING_OVER', 'DISK_FULL', 'LEADER_LOST', 'NOT_A_MEMBER'] as const),
  ...(['ORIGIN_TOO_OLD', 'BAD_REQUEST'] as const),
];

/** An attempt, and the truth about it that only the script knows. */
interface Attempt {
  readonly sentMs: number;
  readonly fate: Exclude<Fate, { readonly fate: Fate }>;
  /** When the client hears of it. */
  readonly heardMs: number;
  readonly taken: boolean;
}

function drawn(random: Random): { readonly fate: Attempt['fate']; readonly lateMs: number } {
  const dice = random.below(100);
  const lateMs = random.chance(0.2) ? random.below(800) : 0;
  if (dice < 12) return { fate: written(7), lateMs };
  if (dice < 60) {
    const code = random.pick(codes);
    const hint = random.chance(0.4) ? { leader: random.pick(['n1', 'n2', 'n3', 'gone']) } : {};
    return { fate: refused(code, { ...hint, ...(code === 'ORIGIN_TOO_OLD' && { commit: 9 }) }), lateMs };
  }
  if (dice < 72) return { fate: 'unreachable', lateMs };
  if (dice < 82) return { fate: 'lost', lateMs };
  if (dice < 90) return { fate: 'silent', lateMs };
  return { fate: { type: 'unknown', code: random.pick(['LEADERSHIP_LOST', 'TIMEOUT']) }, lateMs };
}

/** What the fates that were heard of by `nowMs` allow to be said. */
function twin(attempts: readonly Attempt[], nowMs: number): 'ok' | 'fail' | 'info' {
  const heard = attempts.filter(({ heardMs }) => heardMs <= nowMs);
  if (heard.some(({ fate }) => typeof fate === 'object' && fate.type === 'written')) return 'ok';
  return heard.length === attempts.length && heard.every(isDefinite) ? 'fail' : 'info';
}

function isDefinite({ fate }: Attempt): boolean {
  return fate === 'unreachable' || (typeof fate === 'object' && fate.type === 'refused');
}

function outcomeOf(ended: unknown): string {
  if (ended instanceof RefusedByStore) return 'fail';
  if (ended instanceof Indeterminate) return 'info';
  return ended instanceof Error ? ended.message : 'ok';
}

test.each([true, false])(
  'no outcome says more, or less, than the attempts allow (sent again: %s)',
  async (sendsAgain) => {
    const seen = { ok: 0, fail: 0, info: 0 };
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(`outcomes/${String(sendsAgain)}/${run}`);
      const attempts: Attempt[] = [];
      const world = new World(({ atMs }) => {
        const { fate, lateMs } = drawn(random);
        const heardMs = fate === 'silent' ? Number.POSITIVE_INFINITY : atMs + lateMs + 2 * TRIP_MS;
        const positive = typeof fate === 'object' && fate.type === 'written';
        attempts.push({
          sentMs: atMs,
          fate,
          heardMs,
          taken: positive || (!isDefinite({ fate } as Attempt) && random.chance(0.5)),
        }); // fate is all it looks at
        return lateMs === 0 ? fate : { afterMs: lateMs, fate };
      });
      const { dial, nowMs, timer } = world;
      const paths = { readPath: 'leader', acknowledgement: 'quorum-ack' } as const;
      const client = new RoutingClient({
        dial,
        nowMs,
        timer,
        nodes: ['n1', 'n2', 'n3'],
        ...paths,
        name: 'c',
        sendsAgain,
      });
      const outcome = outcomeOf(await world.settle(client.write('x', run, DEADLINE_MS)));
      const about = `run ${run}: ${JSON.stringify(attempts)} at ${world.nowMs()}`;
      expect(outcome, about).toBe(twin(attempts, world.nowMs()));
      if (outcome === 'fail')
        expect(
          attempts.some(({ taken }) => taken),
          about,
        ).toBe(false);
      expect(world.nowMs(), about).toBeLessThanOrEqual(DEADLINE_MS);
      if (!sendsAgain) expect(attempts.slice(0, -1).every(isDefinite), about).toBe(true);
      await world.pass(2 * DEADLINE_MS);
      expect(world.asked.length, about).toBe(attempts.length);
      seen[outcome as keyof typeof seen]++;
    }
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(RUNS / 20);
  },
);
