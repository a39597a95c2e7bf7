/** Processes that are killed, stopped in good order, or stopped in their tracks. */
import { type Clock, MILLISECOND, SECOND } from '../../../history/clock.ts';
import type { NodeId } from '../../../history/operation.ts';
import { type Effect, type Levers, UNASKED } from '../../../nemesis/fault.ts';
import { injection } from '../real/injection.ts';
import { all, type Controlled } from './controlled.ts';

/** As long as a supervisor waits before it uses force. */
const STOP_NS = 10 * SECOND;
/** The agent's own answer after that. */
const MARGIN_NS = 5 * SECOND;

export function processLevers(
  nodesOf: (ids: readonly NodeId[]) => readonly Controlled[],
  clock: Clock,
): Pick<Levers, 'kill' | 'stop' | 'pause'> {
  return {
    async kill(ids) {
      const killed = await all(
        nodesOf(ids).map(async (victim) => ((await victim.link.ask({ do: 'kill' })).was ? [victim] : [])),
      );
      return injection(
        async () => void (await all(killed.flat().map((victim) => victim.start()))),
        () => ({ 'nodes killed': killed.flat().length }),
      );
    },

    async stop(ids) {
      const request = { do: 'stop', withinNs: STOP_NS } as const;
      const stopped = await all(
        nodesOf(ids).map(async (victim) => {
          const { was, ms } = await victim.link.ask(request, STOP_NS + MARGIN_NS);
          return was ? [{ victim, ms }] : [];
        }),
      );
      const slowest = Math.max(0, ...stopped.flat().map(({ ms }) => ms));
      return injection(
        async () => void (await all(stopped.flat().map(({ victim }) => victim.start()))),
        () => ({ 'nodes stopped in order': stopped.flat().length, 'ms until they had ended': Math.round(slowest) }),
      );
    },

    async pause(ids) {
      const stopped = await all(
        nodesOf(ids).map(async (victim) => {
          const { was, life } = await victim.link.ask({ do: 'pause' });
          return was ? [{ victim, life }] : [];
        }),
      );
      const from = clock.now();
      const soFar = (): Effect => ({
        'nodes stopped': stopped.flat().length,
        'ms stopped': Math.round((clock.now() - from) / MILLISECOND),
      });
      let final: Effect | undefined;
      return {
        async heal() {
          if (final !== undefined) return; // who answers late goes on by the first asking
          final = soFar();
          const resumed = await Promise.allSettled(
            stopped.flat().map(({ victim, life }) => victim.link.ask({ do: 'resume', life })),
          );
          const silent = resumed.filter(({ status }) => status === 'rejected');
          // For how long they stood still, such nodes alone could say.
          if (silent.length > 0) final = { 'nodes stopped': stopped.flat().length, [UNASKED]: silent.length };
          for (const { reason } of silent as readonly PromiseRejectedResult[]) throw reason;
        },
        effect: () => final ?? soFar(),
      };
    },
  };
}
