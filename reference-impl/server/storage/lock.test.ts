import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { StorageRefused } from '../storage.ts';
import { copyOf, entries, opened, removeFolders, temporaryFolder } from './testdata/harness.ts';

afterEach(removeFolders);

describe('a folder', () => {
  test('in use is refused, and not once it is let go of', async () => {
    const place = temporaryFolder();
    const first = await opened(place);
    const error = await opened(place).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StorageRefused);
    expect((error as Error).message).toBe(`${place} is in use by process ${process.pid}.`);
    first.storage.write({ ticket: 1, entries: entries(1, 2) });
    await first.synced(1);
    await first.storage.close();
    expect(existsSync(join(place, 'lock'))).toBe(false);
    const second = await opened(place);
    expect(second.storage.recovered[0].entries).toEqual(entries(1, 2));
    await second.storage.close();
  });

  test('is known by what it is, not by its name; a copy of it is another one', async () => {
    const parent = temporaryFolder();
    mkdirSync(join(parent, 'a'));
    const first = await opened(join(parent, 'a'));
    renameSync(join(parent, 'a'), join(parent, 'b'));
    await expect(opened(join(parent, 'b'))).rejects.toThrow('is in use by process');
    const copy = await opened(copyOf(join(parent, 'b')));
    await copy.storage.close();
    renameSync(join(parent, 'b'), join(parent, 'a'));
    await first.storage.close();
  });

  test('left locked by a process that is gone is taken over', async () => {
    const place = temporaryFolder();
    const first = await opened(place);
    const lock = JSON.parse(readFileSync(join(place, 'lock'), 'utf8')) as Record<string, unknown>;
    await first.storage.close();
    // The number is that of a living process, which began at another time.
    for (const text of [JSON.stringify({ ...lock, started: 1 }), '{"pid":12', '']) {
      writeFileSync(join(place, 'lock'), text);
      const next = await opened(place);
      await next.storage.close();
    }
  });

  test.each([
    [{ cluster: 'c2' }, 'belongs to cluster c1, not to cluster c2.'],
    [{ node: 'n2' }, 'belongs to node n1, not to node n2.'],
    [{ groups: ['g1'] }, 'holds group g0, which the configuration does not name.'],
  ])('of another owner is refused: %j', async (options, sentence) => {
    const place = temporaryFolder();
    await (await opened(place)).storage.close();
    const error = await opened(place, options).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StorageRefused);
    expect((error as Error).message).toBe(`${place} ${sentence}`);
    // And it is not left locked.
    await (await opened(place)).storage.close();
  });

  test.each([
    [{ format: 2 }, 'has format 2, written by a newer version; this program reads formats up to 1.'],
    [{ cluster: 7 }, 'cannot be read: it does not hold what a node has written.'],
  ])('with a meta.json that says otherwise is refused: %j', async (change, sentence) => {
    const place = temporaryFolder();
    await (await opened(place)).storage.close();
    const path = join(place, 'meta.json');
    const meta = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...meta, ...change }));
    const error = await opened(place).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StorageRefused);
    expect((error as Error).message).toContain(sentence);
  });

  test('with a log and without a meta.json is refused', async () => {
    const place = temporaryFolder();
    await (await opened(place)).storage.close();
    renameSync(join(place, 'meta.json'), join(place, 'other.json'));
    await expect(opened(place)).rejects.toThrow('has a log and no meta.json: it is not known whose it is.');
  });

  test('takes more groups than it had', async () => {
    const place = temporaryFolder();
    const first = await opened(place);
    first.storage.write({ ticket: 1, entries: entries(1, 2) });
    await first.storage.close();
    const second = await opened(place, { groups: ['g0', 'g1'] });
    expect(second.storage.recovered.map(({ group, entries }) => [group, entries.length])).toEqual([
      ['g0', 2],
      ['g1', 0],
    ]);
    await second.storage.close();
    await expect(opened(place)).rejects.toThrow('holds group g1, which the configuration does not name.');
  });
});
