import { expect, test } from 'vitest';
import type { Client } from '../../history/store.ts';
import { AT_ONCE, type Case, sideBySide } from './side-by-side.ts';

/** What a bench does, as words in the order in which it is done; and how many of its clients there are. */
function stage() {
  const said: string[] = [];
  let [clients, most] = [0, 0];
  const bench = {
    client: async (): Promise<Client> => {
      most = Math.max(most, ++clients);
      await Promise.resolve();
      said.push('open');
      return { close: () => Promise.resolve() };
    },
    closeClients: async (): Promise<void> => {
      clients = 0;
      said.push('close');
      return Promise.resolve();
    },
    mode: (mode: string): void => void said.push(mode),
    unwatch: (): void => void said.push('unwatch'),
  };
  return { bench, said, most: () => most };
}

async function all<T>(some: AsyncGenerator<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const one of some) found.push(one);
  return found;
}

test('none is ready before all have started, none is tried before all are ready, and all are tried together', async () => {
  const { bench, said } = stage();
  let tried = 0;
  let meet: () => void = () => undefined;
  const together = new Promise<void>((resolve) => (meet = resolve));
  const cases = ['a', 'b', 'c'].map(
    (name): Case<string> => ({
      options: {},
      ready: async () => {
        await Promise.resolve();
        said.push(`ready ${name}`);
        return async () => {
          said.push(`try ${name}`);
          if (++tried === 3) meet();
          await together; // each ends only once all have been tried
          return name;
        };
      },
    }),
  );
  expect(await all(sideBySide(bench, cases, 'mute'))).toEqual(['a', 'b', 'c']);
  expect(said.join(', ')).toBe(
    'open, open, open, ready a, ready b, ready c, mute, try a, try b, try c, pass, unwatch, close',
  );
});

test('there are never more clients than that, each case is tried once, and what comes of them is in their order', async () => {
  const { bench, most } = stage();
  const tried: number[] = [];
  const cases = Array.from(
    { length: 2 * AT_ONCE + 3 },
    (_, i): Case<number> => ({
      options: {},
      ready: () =>
        Promise.resolve(async () => {
          for (let later = 0; later < AT_ONCE - (i % AT_ONCE); later++) await Promise.resolve(); // the first ends last
          tried.push(i);
          return i;
        }),
    }),
  );
  const order = cases.map((_, i) => i);
  expect(await all(sideBySide(bench, cases, 'refuse'))).toEqual(order);
  expect(tried).not.toEqual(order);
  expect(tried.toSorted((a, b) => a - b)).toEqual(order);
  expect(most()).toBe(AT_ONCE);
});

test.each(['start', 'ready', 'tried'] as const)(
  'one that breaks when it is %s keeps no other from its turn',
  async (when) => {
    const { bench, said } = stage();
    const broken = (): Promise<never> => Promise.reject(new Error('broke'));
    let started = 0;
    const client = (): Promise<Client> => (++started === 2 && when === 'start' ? broken() : bench.client());
    const tried: number[] = [];
    const cases = [0, 1, 2].map(
      (i): Case<number> => ({
        options: {},
        ready: () =>
          i === 1 && when === 'ready'
            ? broken()
            : Promise.resolve(async () => {
                if (i === 1) return when === 'tried' ? broken() : i;
                tried.push(i);
                return Promise.resolve(i);
              }),
      }),
    );
    const found: number[] = [];
    await expect(async () => {
      for await (const one of sideBySide({ ...bench, client }, cases, 'mute')) found.push(one);
    }).rejects.toThrow('broke');
    expect(found).toEqual([0]);
    expect(tried).toEqual([0, 2]);
    expect(said.slice(-3)).toEqual(['pass', 'unwatch', 'close']);
  },
);
