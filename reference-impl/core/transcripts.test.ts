import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { defects } from './defects.ts';
import type { DefectName } from './defects.ts';
import { rerun } from './testdata/script.ts';

const folder = new URL('./testdata/', import.meta.url);
const transcripts = readdirSync(folder).filter((name) => name.endsWith('.txt'));

it.each(transcripts)('%s is what the replicas do', (name) => {
  const file = new URL(name, folder);
  const transcript = readFileSync(file, 'utf8');
  const made = rerun(transcript);
  // Rewritten on demand, and then reviewed as a diff.
  if (process.env['TIDEMARK_UPDATE'] === '1') writeFileSync(file, made);
  else expect(made).toBe(transcript);
});

/** A line that a transcript has with the defect, and must not have without it. */
const damage: Partial<Record<DefectName, readonly [transcript: string, line: RegExp]>> = {
  'configuration-not-undone': [
    'members-undone.txt',
    /n1 → n2 {2}t2 pre-vote for term 3, last \(2,3\)\n(?! {2}n1 → n3)/,
  ],
  'damaged-node-votes': ['damage.txt', /n2 leader, term 2, last \(2,2\), committed \(2,2\)/],
  'duplicate-lost-in-snapshot': ['snapshot-repeat.txt', /n3 answers #4: 1 of \(2,5\)/],
  'snapshot-without-term-history': ['snapshot-undone.txt', /n1 answers #5: 1 of \(1,2\) at \(2,4\)/],
  'membership-before-own-term': [
    'members-before-own-term.txt',
    /n2 leader, term 2, last \(2,4\), committed \(2,4\)[^]*n1 leader, term 3, last \(3,4\), committed \(3,4\)/,
  ],
  'ack-before-quorum': ['check-quorum.txt', /n1 answers #1: written/],
  'ack-before-fsync': ['replication.txt', /n1 answers #1: written \(1,2\)\n {2}n1 → n2/],
  'vote-before-fsync': ['vote-unsynced.txt', /n1 is leader in term 1:[^]*n3 is leader in term 1:/],
  'commit-old-term': [
    'commit-of-old-term.txt',
    /n1 leader, term 3, .* committed \(1,1\)[^]*n5 leader, term 4, .* committed \(2,1\)/,
  ],
  'read-index-without-own-term': ['read-index.txt', /n2 answers #5: 2 of \(1,3\)/],
  'no-fence': ['fence.txt', /n3 undoes \[\(2,2\) noop\]/],
  'token-by-index': ['truncation.txt', /#5: 9 of \(2,3\)/],
  'committed-read-after-restart': ['restart.txt', /n1 answers #7: 1 of \(1,2\)/],
  'mismatch-from-uncommitted': ['cas-order.txt', /n1 answers #7: mismatch, was 7/],
  'follower-serves-uncommitted': ['divergence.txt', /n1 answers #7: 4 of \(1,5\)/],
  'truncate-committed': ['late-duplicate.txt', /n2 undoes \[\(1,2\) x=1, \(1,3\) x=2\]/],
  'unfenced-switchover': ['switchover.txt', /n1 answers #5: written \(1,3\)[^]*n1 undoes \[\(1,3\) x=3\]/],
  'handover-without-catching-up': ['switchover-catching-up.txt', /n1 undoes \[\(1,2\) x=1\], of which/],
  'lease-kept-during-switchover': [
    'switchover-lease.txt',
    /n2 answers #6: written \(2,4\)[^]*n1 answers #7: 1 of \(1,2\)/,
  ],
  'no-recovery-epoch': ['promote-by-force.txt', /n3 is leader in term 2:[^]*n1 is leader in term 2:/],
  'lease-ignores-drift': ['lease.txt', /n1 answers #5: 1 of/],
  'lease-from-answer': ['lease-late-answer.txt', /n1 answers #4: 1 of/],
  'follower-linearizable-without-round': ['probe.txt', /n2 answers #6: 1 of/],
  'bounded-trusts-deposed-leader': ['bounded.txt', /n2 answers #10: 1 of/],
  'bounded-from-answer': ['bounded.txt', /n2 answers #7: 1 of/],
  'stale-follower-serves': ['serving.txt', /n3 answers #10: 1 of/],
  'duplicate-applied-twice': ['repeat.txt', /n2 answers #10: written \(2,6\)/],
  'all-applied-on-append': ['all-applied.txt', /n1 answers #2: written \(1,3\)[^]*n3 answers #3: 1 of/],
  'lost-vote': ['vote-once.txt', /n1 is leader in term 1:[^]*n3 is leader in term 1:/],
};

it.each(defects.map((defect) => defect.name))('a transcript shows the damage of %s', (defect) => {
  const [name, line] = damage[defect] ?? ['no transcript shows it', /^/];
  const transcript = readFileSync(new URL(name, folder), 'utf8');
  const damaged = rerun(transcript.replace(/^> nodes .*$/m, (nodes) => `${nodes} defect=${defect}`));
  expect(damaged).toMatch(line);
  expect(transcript).not.toMatch(line);
});
