import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { entry as built } from '../../../harness/entry.ts';
import { Random } from '../../../history/random.ts';
import { after } from '../clock.ts';
import { entry, opened, removeFolders, temporaryFolder } from './testdata/harness.ts';

afterEach(removeFolders);

/** Writes as fast as it can, and says which entry is the last one that was reported as synced. */
function program(folder: string, files: string): string {
  const module = pathToFileURL(built('reference-impl/server/storage/open')).href;
  return `
    const { openStorage } = await import(${JSON.stringify(module)});
    const { writeSync } = await import('node:fs');
    let last = 0, ticket = 0;
    const lasts = [];
    const storage = await openStorage({
      folder: ${JSON.stringify(folder)}, cluster: 'c1', node: 'n1', groups: ['g0'], fsync: 'on', files: '${files}',
      segmentBytes: 256 * 1024, retryMs: 100, changed() {}, log(level, sentence) { writeSync(1, level + ': ' + sentence + '\\n'); },
      failed(error) { throw error; },
      synced(upTo) { writeSync(1, 'synced ' + lasts[upTo] + '\\n'); more(); more(); },
    });
    const [found] = storage.recovered;
    last = found.entries.at(-1)?.index ?? found.snapshot?.index ?? 0;
    writeSync(1, 'found ' + last + '\\n');
    function more() {
      if (ticket > 20000) return;
      const entries = [];
      for (let i = 0; i < 3; i++) {
        const index = ++last;
        entries.push({ term: 1, index, command: { type: 'write', key: 'k' + (index % 5), value: 'v' + index } });
      }
      lasts[++ticket] = last;
      storage.write({ ticket, entries });
    }
    more();
  `;
}

test.each(['real', 'forgetful'] as const)(
  'a killed process has lost nothing that was reported as synced (%s)',
  async (files) => {
    const random = new Random(`kill/${files}`);
    const folder = temporaryFolder();
    let reported = 0;
    for (let round = 0; round < 10; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program(folder, files)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
      let found: number | undefined;
      let kill: (() => void) | undefined;
      for await (const line of createInterface(child.stdout)) {
        const [what, number] = line.split(' ');
        if (what === 'warning:') continue; // a torn end
        expect(what).toMatch(/^(found|synced)$/);
        if (what === 'found') {
          found = Number(number);
          expect(found).toBeGreaterThanOrEqual(reported);
        } else reported = Math.max(reported, Number(number));
        kill ??= after(random.between(5, 60), () => void child.kill('SIGKILL'));
      }
      await ended;
      expect(found).toBeDefined();
    }
    expect(reported).toBeGreaterThan(100);
    const store = await opened(folder);
    const [{ entries, damaged }] = store.storage.recovered;
    expect(damaged).toBeUndefined();
    expect(entries.length).toBeGreaterThanOrEqual(reported);
    expect(entries).toEqual(Array.from(entries, (_, i) => entry(i + 1)));
    await store.storage.close();
  },
);
