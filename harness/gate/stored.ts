/** The runs that a word means: an id, a label, a branch, a commit, `HEAD`, `last`. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { printable } from '../../checkers/explain/labels.ts';
import type { RunRecord } from '../../results/record.ts';
import { openStoredRuns, type StoredRuns } from '../../results/stored.ts';
import type { RunSummary } from '../../results/summary.ts';
import type { Io } from '../command.ts';
import { BadInput } from '../errors.ts';
import { count } from '../table.ts';

/** Of a label or a branch, so many of the newest. */
const RUNS_MAX = 40;
const SAID_MAX = 6;
/** Of what there is, labels and branches of so many are named to those who asked for what is not there. */
const RECENT_MAX = 1_000;

/** For each word its runs, newest first. Throws {@link BadInput} that says what there is, where a word means nothing. */
export async function storedSides(words: readonly string[], io: Io): Promise<readonly (readonly RunRecord[])[]> {
  const warn = (sentence: string): void => io.err(`tidemark: ${printable(sentence)}\n`);
  const folder = join(io.cwd, '.tidemark');
  const stored = await openStoredRuns({ folder, url: io.env.TIDEMARK_DATABASE_URL, warn });
  try {
    const sides: RunRecord[][] = [];
    for (const word of words) {
      const ids = await idsOf(word, stored, io);
      const records: RunRecord[] = [];
      for (const id of ids) {
        const record = await stored.load(id);
        if (record === undefined) throw new BadInput(`Run ${id} is gone.`);
        records.push(record);
      }
      sides.push(records);
    }
    return sides;
  } finally {
    await stored.close();
  }
}

async function idsOf(word: string, stored: StoredRuns, io: Io): Promise<readonly string[]> {
  const found = await stored.find(word);
  if (found.type === 'ambiguous') {
    const more = found.ids.length < 10 ? '' : ', …';
    throw new BadInput(`'${word}' begins the ids of several runs: ${found.ids.join(', ')}${more}.`);
  }
  if (found.type === 'found' && (word === 'last' || found.id.startsWith(word))) return [found.id];
  const labelled = await stored.list({ label: word, limit: RUNS_MAX });
  if (labelled.length > 0) return labelled.map(({ id }) => id);
  const onBranch = await stored.list({ branch: word, limit: RUNS_MAX });
  if (onBranch.length > 0) return onBranch.map(({ id }) => id);
  const commit = commitOf(word, io.cwd);
  for (const revision of [commit, /^[0-9a-f]{7,40}$/.test(word) ? word : undefined]) {
    const ofCommit = revision === undefined ? [] : await stored.list({ revision, limit: RUNS_MAX });
    if (ofCommit.length > 0) return ofCommit.map(({ id }) => id);
  }
  throw new BadInput(nothing(word, commit, await stored.list({ limit: RECENT_MAX })));
}

/** Undefined outside of a checkout, and for what names no commit. */
export function commitOf(word: string, cwd: string): string | undefined {
  if (word.startsWith('-')) return undefined;
  try {
    return execFileSync('git', ['rev-parse', '--verify', '--quiet', `${word}^{commit}`], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 5_000,
    }).trim();
  } catch {
    return undefined;
  }
}

function nothing(word: string, commit: string | undefined, recent: readonly RunSummary[]): string {
  const known = commit === undefined || commit.startsWith(word) ? '' : ` (commit ${commit.slice(0, 12)})`;
  const begin = `There is no stored run of '${word}'${known}: no id begins so, and no label, branch or commit is called so.`;
  if (recent.length === 0)
    return `${begin} There are no stored runs here at all; tidemark run and tidemark bench make some.`;
  const some = (names: readonly string[]): string => {
    const unique = [...new Set(names)];
    return unique.slice(0, SAID_MAX).join(', ') + (unique.length > SAID_MAX ? ', …' : '');
  };
  const labels = some(
    recent.flatMap(({ labels: own }) => Object.entries(own).map(([name, value]) => `${name}=${value}`)),
  );
  const branches = some(recent.flatMap(({ branch }) => (branch === undefined ? [] : [branch])));
  const of = recent.length < RECENT_MAX ? '' : ` of the newest ${count(RECENT_MAX)}`;
  return [
    begin,
    ...(labels === '' ? [] : [`Labels${of}: ${labels}.`]),
    ...(branches === '' ? [] : [`Branches${of}: ${branches}.`]),
    `The newest: ${some(recent.slice(0, 3).map(({ id }) => id))}.`,
  ].join(' ');
}
