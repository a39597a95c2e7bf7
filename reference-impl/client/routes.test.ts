import { describe, expect, test } from 'vitest';
import type { NodeId } from '../core/types.ts';
import { Routes, type RoutesConfig } from './routes.ts';

const nodes = ['near', 'mid', 'far'];

function routesOf(config: Partial<RoutesConfig> = {}): { routes: Routes; clock: { ms: number } } {
  const clock = { ms: 0 };
  const base = { nodes, routing: 'nearest', firstGuess: 0, avoidMs: 500, latencyMs: () => undefined } as const;
  return { clock, routes: new Routes({ ...base, nowMs: () => clock.ms, ...config }) };
}

const picks = (routes: Routes, n: number): NodeId[] => Array.from({ length: n }, () => routes.pick('follower', 'g0'));

describe('the leader', () => {
  test('is guessed in turn until somebody knows', () => {
    const { routes } = routesOf({ firstGuess: 4 });
    const asked = Array.from({ length: 4 }, () => {
      const node = routes.pick('leader', 'g0');
      routes.isNoLeader(node, 'g0', undefined);
      return node;
    });
    expect(asked).toEqual(['mid', 'far', 'near', 'mid']);
  });

  test('is whom a hint names, if it is a node and another one', () => {
    const { routes } = routesOf();
    routes.isNoLeader('near', 'g0', 'far');
    expect(routes.pick('leader', 'g0')).toBe('far');
    routes.isNoLeader('far', 'g0', 'far');
    expect(routes.pick('leader', 'g0')).toBe('near');
    routes.isNoLeader('near', 'g0', 'elsewhere');
    expect(routes.pick('leader', 'g0')).toBe('mid');
  });

  test('is found although two that were removed name each other for ever', () => {
    const { routes } = routesOf();
    const asked: NodeId[] = [];
    for (let node = routes.pick('leader', 'g0'); node !== 'far'; node = routes.pick('leader', 'g0')) {
      asked.push(node);
      expect(asked.length).toBeLessThan(10);
      routes.isNoLeader(node, 'g0', node === 'near' ? 'mid' : 'near');
    }
    expect(asked.slice(0, 3)).toEqual(['near', 'mid', 'near']);
    routes.answered('far', 'g0', true);
    routes.isNoLeader('far', 'g0', 'near');
    expect(routes.pick('leader', 'g0')).toBe('near');
  });

  test('is whoever answered as one, until it answers as something else', () => {
    const { routes } = routesOf();
    routes.answered('far', 'g0', true);
    expect([routes.leader('g0'), routes.leader('g1')]).toEqual(['far', undefined]);
    routes.answered('mid', 'g0', false);
    expect(routes.leader('g0')).toBe('far');
    routes.answered('far', 'g0', false);
    expect(routes.leader('g0')).toBeUndefined();
  });
});

describe('a reader', () => {
  test('is the nearest that is not the leader; the leader when all others are passed over', () => {
    const { routes, clock } = routesOf();
    routes.answered('near', 'g0', true);
    expect([routes.pick('follower', 'g0'), routes.pick('any', 'g0')]).toEqual(['mid', 'near']);
    routes.avoid('mid');
    expect(routes.pick('follower', 'g0')).toBe('far');
    clock.ms = 100;
    routes.avoid('far');
    expect(routes.pick('follower', 'g0')).toBe('near');
    routes.avoid('near');
    expect(routes.pick('follower', 'g0')).toBe('mid');
    clock.ms = 550;
    expect(picks(routes, 2)).toEqual(['mid', 'mid']);
  });

  test('is each in turn', () => {
    const { routes } = routesOf({ routing: 'round-robin' });
    expect(new Set(picks(routes, 3))).toEqual(new Set(nodes));
    routes.answered('mid', 'g0', true);
    expect(picks(routes, 4).sort()).toEqual(['far', 'far', 'near', 'near']);
    routes.avoid('far');
    expect(picks(routes, 3)).toEqual(['near', 'near', 'near']);
  });

  test('is the fastest as far as is known, the nearest of the others', () => {
    const latencies: Record<string, number> = {};
    const { routes } = routesOf({ routing: 'fastest', latencyMs: (node) => latencies[node] });
    expect(routes.pick('follower', 'g0')).toBe('near');
    latencies['far'] = 40;
    expect(routes.pick('follower', 'g0')).toBe('far');
    latencies['mid'] = 30;
    expect(routes.pick('follower', 'g0')).toBe('mid');
    routes.avoid('mid');
    expect(routes.pick('follower', 'g0')).toBe('far');
  });

  test('is the leader where that is wanted, and the nearest while it will not serve', () => {
    const { routes, clock } = routesOf({ routing: 'leader' });
    expect(routes.pick('follower', 'g0')).toBe('near');
    routes.answered('far', 'g0', true);
    expect(routes.pick('follower', 'g0')).toBe('far');
    routes.avoid('far');
    expect(routes.pick('follower', 'g0')).toBe('near');
    clock.ms = 501;
    expect(routes.pick('follower', 'g0')).toBe('far');
  });

  test('is one of those that may be asked', () => {
    const { routes } = routesOf({ readers: ['mid', 'far'] });
    expect(routes.pick('any', 'g0')).toBe('mid');
    expect(routes.pick('leader', 'g0')).toBe('near');
  });

  test('is nobody else where one is named', () => {
    const { routes } = routesOf({ only: 'far' });
    expect([routes.pick('leader', 'g0'), routes.pick('any', 'g0'), routes.isBound('any')]).toEqual([
      'far',
      'far',
      true,
    ]);
    const free = routesOf().routes;
    expect([free.pick({ node: 'mid' }, 'g0'), free.isBound({ node: 'mid' }), free.isBound('any')]).toEqual([
      'mid',
      true,
      false,
    ]);
  });
});
