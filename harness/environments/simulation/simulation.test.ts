import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../../history/clock.ts';
import type { NodeEvent } from '../environment.ts';
import { ask, CALM, cluster } from '../../../test-support/echo-program.ts';
import type { Simulation } from './simulation.ts';

const sleep = (sim: Simulation, ns: number): Promise<void> => sim.clock.sleepUntil(sim.clock.now() + ns);

describe('the loop', () => {
  it('runs every promise job before the next event, however many there are', async () => {
    const sim = cluster();
    const order: string[] = [];
    await sim.run(async () => {
      const long = sleep(sim, 1000).then(async () => {
        for (let i = 0; i < 5000; i++) await Promise.resolve();
        order.push('long');
      });
      const next = sleep(sim, 1001).then(() => order.push('next'));
      await Promise.all([long, next]);
    });
    expect(order).toEqual(['long', 'next']);
  });

  it('lets time pass only by events', async () => {
    const sim = cluster();
    const seen = await sim.run(async () => {
      await sleep(sim, 3600 * SECOND);
      await sim.clock.sleepUntil(5);
      return sim.clock.now();
    });
    expect(seen).toBe(3600 * SECOND);
  });

  it('fires timers once, unless cancelled', async () => {
    const sim = cluster();
    const fired: number[] = [];
    await sim.run(async () => {
      const cancels = [10, 20, 30].map((at) => sim.clock.timer(at, () => fired.push(at)));
      cancels[1]();
      cancels[1]();
      await sleep(sim, 25);
      cancels[0]();
      await sleep(sim, 100);
    });
    expect(fired).toEqual([10, 30]);
  });

  it('says so when simulated code awaits what is not simulated', async () => {
    const sim = cluster();
    await expect(sim.run(() => readFile('/dev/null'))).rejects.toThrow('not simulated');
    await expect(sim.run(() => new Promise(() => undefined))).rejects.toThrow('not simulated');
  });

  it('says so when requests are never answered and nobody gives up on them', async () => {
    const sim = cluster();
    await sim.run(() => ask(sim, 'n1', { do: 'answer' }));
    await expect(sim.run(() => ask(sim, 'n1', { do: 'never answer' }))).rejects.toThrow('ran out of events');
  });

  it('surfaces the errors of main, of timers and of observers', async () => {
    await expect(cluster().run(() => Promise.reject(new Error('main failed')))).rejects.toThrow('main failed');
    const sim = cluster();
    const main = async (): Promise<void> => {
      sim.clock.timer(5, () => {
        throw new Error('timer failed');
      });
      await sleep(sim, 100);
    };
    await expect(sim.run(main)).rejects.toThrow('timer failed');
    const observed = cluster({
      observe: (event) => {
        if (event.type === 'down') throw new Error('observer failed');
      },
    });
    await expect(
      observed.run(async () => {
        await observed.levers.kill(['n1']);
        await sleep(observed, SECOND);
      }),
    ).rejects.toThrow('observer failed');
  });
});

describe('lines', () => {
  it('answer in order, after the way there and back', async () => {
    const sim = cluster();
    await sim.run(async () => {
      const line = sim.dial('n2', sim.regionOf('n1'));
      const oneWay = sim.distanceNs(sim.regionOf('n1'), 'n2');
      expect(oneWay).toBeGreaterThanOrEqual(8 * MILLISECOND);
      const ends: number[] = [];
      const asked = Array.from({ length: 20 }, (_, i) => line.request({ do: 'answer' }).then(() => ends.push(i)));
      await Promise.all(asked);
      expect(ends).toEqual([...ends].sort((a, b) => a - b));
      expect(sim.clock.now()).toBeGreaterThanOrEqual(2 * oneWay);
      expect(sim.clock.now()).toBeLessThan(2.3 * oneWay);
    });
  });

  it('refuse definitely when the node is down, and break indefinitely when it goes down', async () => {
    const sim = cluster();
    await sim.run(async () => {
      const held = sim.dial('n1', 'eu').request({ do: 'never answer' });
      await sleep(sim, 10 * MILLISECOND);
      const kill = await sim.levers.kill(['n1']);
      await expect(held).rejects.toMatchObject({ code: 'CONNECTION_LOST', definite: false });
      await expect(ask(sim, 'n1', { do: 'answer' })).rejects.toMatchObject({
        code: 'CONNECTION_REFUSED',
        definite: true,
      });
      await kill.heal();
      await ask(sim, 'n1', { do: 'answer' });
    });
  });

  it('never answer after close', async () => {
    const sim = cluster();
    let settled = false;
    await sim.run(async () => {
      const line = sim.dial('n1', 'eu');
      const settle = (): void => {
        settled = true;
      };
      line.request({ do: 'answer' }).then(settle, settle);
      line.close();
      await expect(line.request({ do: 'answer' })).rejects.toThrow('closed');
      await sleep(sim, SECOND);
    });
    expect(settled).toBe(false);
  });

  it('are untouched by faults between nodes', async () => {
    const sim = cluster();
    await sim.run(async () => {
      const links = sim.nodes.flatMap((from) => sim.nodes.map((to) => ({ from, to })));
      await sim.levers.cut(links);
      await sim.levers.shape(links, { delayNs: SECOND, loss: 1 });
      const before = sim.clock.now();
      await ask(sim, 'n1', { do: 'answer' });
      expect(sim.clock.now() - before).toBeLessThan(2 * MILLISECOND);
    });
  });
});

describe('the world', () => {
  it('goes the same way for the same seed, and another way for another', async () => {
    const go = async (seed: number): Promise<readonly [number, number]> => {
      const sim = cluster({ seed, settings: { loss: '0.2', duplicate: '0.2', reorder: '0.2' } });
      await sim.run(async () => {
        const client = async (n: number): Promise<void> => {
          for (let i = 0; i < 50; i++) {
            await ask(
              sim,
              `n${1 + ((n + i) % 3)}`,
              { do: 'send', to: `n${1 + ((n + i + 1) % 3)}`, what: i },
              sim.regions[n % 3],
            );
            if (i % 5 === 0) await ask(sim, 'n1', { do: 'write' });
            await sleep(sim, n * 100);
          }
        };
        await Promise.all([1, 2, 3, 4].map(client));
      });
      return [sim.trace, sim.clock.now()];
    };
    expect(await go(1)).toEqual(await go(1));
    expect((await go(1))[0]).not.toBe((await go(2))[0]);
  });

  it('serves one thing at a time, so that overload queues', async () => {
    const sim = cluster({ settings: { ...CALM, cpu: '1000' } });
    await sim.run(async () => {
      await Promise.all(Array.from({ length: 100 }, () => ask(sim, 'n1', { do: 'answer' })));
      expect(sim.clock.now()).toBeGreaterThan(100 * MILLISECOND);
      expect(sim.clock.now()).toBeLessThan(105 * MILLISECOND);
    });
  });

  it('spreads nodes over regions in turn, and takes settings', () => {
    const sim = cluster({ nodes: 5, settings: { regions: '2', latency: '0' } });
    expect(sim.nodes.map((node) => sim.regionOf(node))).toEqual(['eu', 'us', 'eu', 'us', 'eu']);
    expect(sim.distanceNs('eu', 'n2')).toBe(0);
    expect(() => cluster({ settings: { loss: '2' } })).toThrow('--set loss=2');
    expect(() => cluster({ settings: { regions: '1.5' } })).toThrow('--set regions=1.5');
    expect(() => cluster({ settings: { 'sync-min': '3' } })).toThrow('sync-min is greater than sync-max');
  });

  it('reports a node that crashed by itself, and leaves it down', async () => {
    const events: NodeEvent[] = [];
    const sim = cluster({ observe: (event) => events.push(event) });
    await sim.run(async () => {
      await expect(ask(sim, 'n2', { do: 'fail' })).rejects.toMatchObject({ code: 'CONNECTION_LOST', definite: false });
      const kill = await sim.levers.kill(['n2']);
      await kill.heal();
      expect(kill.effect()).toEqual({ 'nodes killed': 0, 'unsynced writes lost': 0 });
      expect(sim.isUp('n2')).toBe(false);
      expect(await sim.status('n2')).toBeUndefined();
    });
    expect(events.at(-1)).toEqual({ type: 'down', node: 'n2', reason: 'asked to fail' });
    expect(sim.crashes()).toHaveLength(1);
    expect(sim.crashes()[0]).toContain('n2');
    expect(sim.statistics()['assertions failed']).toBe(1);
  });
});
