/**
 * docs/add-a-system.md, pasted into a shell in an empty folder with an empty home. What is slow, or needs a network, is stood in for
 * by programs that say how they were called; every call of Tidemark must come from a folder that has what the call names.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asset } from './entry.ts';

const standIns: Readonly<Record<string, string>> = {
  git: `[ "$1" = clone ] && ln -s '${asset('.')}' "$3"`,
  npm: '[ "$1" = ci ] && [ -e package-lock.json ]',
  npx: 'echo "npx asks the registry" >&2; exit 1',
  'apt-get': 'true',
  'redis-server': 'true',
  'redis-cli': 'echo master_link_status:up',
  node: `program=$1; shift
[ -e "$program" ] || { echo "no $program" >&2; exit 1; }
for file in $(printf '%s\\n' "$@" | grep -oE '[a-z]+\\.(py|yaml)'); do [ -e "$file" ] || { echo "no $file in $PWD" >&2; exit 1; }; done
echo "tidemark $1 $2"`,
};

test('the guide to a system of one’s own can be pasted from nothing to its last line', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tidemark-guide-')));
  try {
    const [bin, home, empty] = ['bin', 'home', 'empty'].map((name) => join(folder, name));
    for (const one of [bin, home, empty]) mkdirSync(one);
    for (const [name, script] of Object.entries(standIns)) {
      writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    }
    const text = readFileSync(asset('docs/add-a-system.md'), 'utf8');
    const blocks = [...text.matchAll(/```sh\n(.*?)```/gs)].map(({ 1: block }) => block);
    // Nobody is asked for a password here.
    const pasted = blocks.join('').replaceAll('/tmp/try', join(folder, 'try')).replace('$(command -v sudo) ', '');
    const ended = spawnSync('bash', ['--norc', '-e', '-c', pasted], {
      cwd: empty,
      encoding: 'utf8',
      env: { HOME: home, PATH: `${bin}:/usr/bin:/bin` },
      timeout: 30_000,
    });
    expect(ended.stderr).toBe('');
    expect(ended.status).toBe(0);
    const calls = ended.stdout.split('\n').filter((line) => line.startsWith('tidemark '));
    expect(calls).toEqual([
      'tidemark --version ',
      'tidemark driver check',
      ...Array.from({ length: 4 }, () => 'tidemark run --driver'),
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
