import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Random } from '../history/random.ts';
import type { Fault, Injection, Target } from './fault.ts';

const folder = new URL('faults/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
const faults = await Promise.all(
  names.map(async (name) => ((await import(new URL(name, folder).href)) as { readonly default: Fault }).default),
);
const aimable = faults.filter((fault) => fault.aimable === true);

/** Notes whom its levers were pulled for: nodes, and the nodes that all links have in common. */
function cluster(pulled: string[]): Target {
  const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'];
  const injection: Injection = { heal: () => Promise.resolve(), effect: () => ({ done: 1 }) };
  const levers = new Proxy<Target['levers']>(
    {},
    {
      get: (_, lever) => async (whom: unknown, how: unknown) => {
        const listed: readonly unknown[] = Array.isArray(whom) ? whom : [whom];
        const ends = listed.map((one) => (typeof one === 'string' ? [one] : Object.values(one as object)));
        const shared = nodes.filter((node) => ends.every((some) => some.includes(node)));
        pulled.push(
          `${String(lever)} ${(typeof listed[0] === 'string' ? listed : shared).join()} ${JSON.stringify(how)}`,
        );
        return injection;
      },
    },
  );
  const followers = nodes.slice(1);
  return { nodes, levers, leader: () => 'n1', followers: () => followers, learners: () => [], mostLagging: () => 'n2' };
}

describe.each(aimable.map((fault) => [fault.name, fault] as const))('%s', (_, fault) => {
  it('strikes whom it is aimed at, and nobody else, however chance would have it', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const pulled: string[] = [];
      const injected = await fault.inject(cluster(pulled), new Random(seed), () => Promise.resolve(), {
        nodes: ['n3'],
      });
      expect(injected?.targets).toEqual(['n3']);
      expect(pulled.length).toBeGreaterThan(0);
      for (const pull of pulled) expect(pull).toMatch(/^\w+ n3 /);
      await injected?.heal();
    }
  });

  it.each(Object.entries(fault.figures ?? {}))('takes its %s from the plan', async (figure, { least, most }) => {
    const strike = async (value: number, seed: number): Promise<readonly string[]> => {
      const pulled: string[] = [];
      const aim = { nodes: ['n3'], figures: { [figure]: value } };
      await (await fault.inject(cluster(pulled), new Random(seed), () => Promise.resolve(), aim))?.heal();
      return pulled;
    };
    expect(await strike(least, 1)).not.toEqual(await strike(most, 1));
    expect(await strike(most, 1)).toEqual(await strike(most, 1));
  });
});

it('there are some that can be aimed', () => {
  expect(aimable.length).toBeGreaterThan(8);
});
