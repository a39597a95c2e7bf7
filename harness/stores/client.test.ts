import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../history/store.ts';
import { Held, keyText, Lines, NotSent, over } from './client.ts';

const options = {
  home: 'n1',
  attempt: 0,
  writePath: 'async',
  readPath: 'replica',
  session: 's',
} as unknown as ClientOptions;

/** Opens named connections, and tells what was opened and closed. */
function lines(readsLeader: boolean, given: Partial<ClientOptions> = {}): { lines: Lines<string>; done: string[] } {
  const done: string[] = [];
  let opened = 0;
  const find = (wanted: string): Promise<string> => {
    opened++;
    done.push(`open ${wanted} ${opened}`);
    return Promise.resolve(`${wanted} ${opened}`);
  };
  const made = new Lines<string>(
    { ...options, ...given },
    readsLeader,
    find,
    (line) => void done.push(`close ${line}`),
  );
  return { lines: made, done };
}

describe('what a client talks over', () => {
  it('is one connection where it reads from the leader, and another one where it does not', async () => {
    const one = lines(true);
    await one.lines.begin(1);
    expect(one.done).toEqual(['open leader 1']);
    const two = lines(false);
    await two.lines.begin(1);
    expect(two.done).toEqual(['open leader 1', 'open follower 2']);
  });

  it('is the node that was asked for, whatever it is, and nobody else until it writes', async () => {
    const { lines: named, done } = lines(true, { node: 'n2' });
    await named.begin(1);
    expect(done).toEqual(['open follower 1']);
    await over(named.toLeader, 1, () => Promise.resolve());
    expect(done).toEqual(['open follower 1', 'open leader 2']);
  });

  it('is given up when it broke, and opened again for the next operation only', async () => {
    const { lines: broken, done } = lines(true);
    let tries = 0;
    const breaks = (): Promise<never> => {
      tries++;
      return Promise.reject(new Error('broken'));
    };
    await expect(over(broken.toLeader, 1, breaks)).rejects.toThrow('broken');
    expect(tries).toBe(1);
    expect(done).toEqual(['open leader 1', 'close leader 1']);
    expect(await over(broken.toLeader, 1, (line) => Promise.resolve(line))).toBe('leader 2');
  });

  it('is kept where the error says that it is sound', async () => {
    const { lines: sound, done } = lines(true);
    const refused = (): Promise<never> => Promise.reject(new Error('sound'));
    await expect(over(sound.toLeader, 1, refused, () => true)).rejects.toThrow('sound');
    expect(await over(sound.toLeader, 1, (line) => Promise.resolve(line))).toBe('leader 1');
    sound.close();
    await Promise.resolve();
    expect(done).toEqual(['open leader 1', 'close leader 1']);
  });

  it('was never sent over where none is to be had', async () => {
    const held = new Held<string>(
      () => Promise.reject(new Error('nobody answers')),
      () => undefined,
    );
    await expect(over(held, 1, () => Promise.resolve())).rejects.toThrow(NotSent);
  });
});

describe('the text of a key', () => {
  it('differs wherever the keys differ', () => {
    const keys = [1, '1', '#1', '##1', '', '#', 11, '#11'];
    expect(new Set(keys.map(keyText)).size).toBe(keys.length);
  });
});
