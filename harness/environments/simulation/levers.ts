/**
 * The levers of the simulated world. Injections compose: a link is mended, and a node goes on, when every injection that
 * stopped it has been healed; an injection that found nothing to do (a kill of a node that was down) has no effect, and
 * healing it undoes nothing.
 */
import type { NodeId } from '../../../history/operation.ts';
import type { Random } from '../../../history/random.ts';
import type { Effect, Injection, Levers, Link } from '../../../nemesis/fault.ts';
import { type Cut, type Network, shaping } from './network.ts';
import type { Node, Pause } from './node.ts';
import { newSkew } from './node-clock.ts';

type Simulated = Pick<Levers, 'cut' | 'shape' | 'kill' | 'pause' | 'clock' | 'slowDisk' | 'fillDisk' | 'corruptDisk'>;

export function createLevers(nodes: readonly Node[], network: Network, random: Random): Simulated {
  const node = (id: NodeId): Node => {
    const found = nodes.find((candidate) => candidate.id === id);
    if (found === undefined) throw new Error(`no node '${id}'`);
    return found;
  };
  const linksOf = (links: readonly Link[]): Set<ReturnType<Network['link']>> =>
    new Set(links.map(({ from, to }) => network.link(node(from).number, node(to).number)));

  return {
    async cut(links) {
      const cut: Cut = { dropped: 0 };
      const severed = linksOf(links);
      for (const link of severed) link.cuts.push(cut);
      return injection(
        () => severed.forEach((link) => remove(link.cuts, cut)),
        () => ({ 'messages dropped': cut.dropped }),
      );
    },

    async shape(links, shape) {
      const shaped = shaping(shape);
      const bent = linksOf(links);
      for (const link of bent) link.shapings.push(shaped);
      return injection(
        () => bent.forEach((link) => remove(link.shapings, shaped)),
        () => ({
          ...(shaped.delayNs + shaped.jitterNs > 0 && { 'messages delayed': shaped.delayed }),
          ...(shaped.loss > 0 && { 'messages dropped': shaped.dropped }),
          ...(shaped.duplicate > 0 && { 'messages duplicated': shaped.duplicated }),
          ...(shaped.reorder > 0 && { 'messages reordered': shaped.reordered }),
        }),
      );
    },

    async kill(ids) {
      const killed = [...new Set(ids.map(node))].filter((victim) => victim.up);
      const writesLost = killed.reduce((lost, victim) => lost + victim.stop(), 0);
      return injection(
        () => killed.forEach((victim) => victim.start()),
        () => ({ 'nodes killed': killed.length, 'unsynced writes lost': writesLost }),
      );
    },

    async pause(ids) {
      const pause: Pause = { held: 0 };
      const stopped = [...new Set(ids.map(node))].filter((victim) => victim.up);
      for (const victim of stopped) victim.pause(pause);
      return injection(
        () => stopped.forEach((victim) => victim.resume(pause)),
        () => ({ 'messages and timers held': pause.held }),
      );
    },

    async clock(id, { offsetNs, driftPpm, strobeNs }) {
      const skew = newSkew(offsetNs, driftPpm, strobeNs);
      const victim = node(id);
      victim.skew(skew);
      return injection(
        () => victim.unskew(skew),
        () => ({
          ...(driftPpm !== 0 && { 'timers early': skew.early, 'timers late': skew.late }),
          'wall clock readings shifted': skew.shifted,
        }),
      );
    },

    async slowDisk(id, syncDelayNs) {
      const drag = { delayNs: syncDelayNs, delayed: 0 };
      const { disk } = node(id);
      disk.slow(drag);
      return injection(
        () => disk.quicken(drag),
        () => ({ 'syncs delayed': drag.delayed }),
      );
    },

    async corruptDisk(id) {
      const victim = node(id);
      const wasUp = victim.up;
      const writesLost = wasUp ? victim.stop() : 0;
      const entriesLost = wasUp ? victim.disk.damage(random) : 0;
      return injection(
        () => {
          if (wasUp) victim.start();
        },
        () => ({ 'synced entries made unreadable': entriesLost, 'unsynced writes lost': writesLost }),
      );
    },

    async fillDisk(id) {
      const filling = { waited: 0 };
      const victim = node(id);
      victim.disk.runFull(filling);
      return injection(
        () => victim.makeRoom(filling),
        () => ({ 'writes that waited for room': filling.waited }),
      );
    },
  };
}

/** Heals once, and remembers the effect as it was then: what still happens afterwards is not its doing. */
function injection(undo: () => void, effect: () => Effect): Injection {
  let final: Effect | undefined;
  return {
    async heal() {
      if (final !== undefined) return;
      final = effect();
      undo();
    },
    effect: () => final ?? effect(),
  };
}

function remove<T>(items: T[], item: T): void {
  const at = items.indexOf(item);
  if (at >= 0) items.splice(at, 1);
}
