import { expect, test } from 'vitest';
import type { Entry, Snapshot } from '../../../reference-impl/core/types.ts';
import { GroupDisk } from './group-disk.ts';

const entry = (term: number, index: number): Entry => ({ term, index, command: { type: 'noop' } });
const snapshot = (term: number, index: number): Snapshot => ({
  term,
  index,
  members: { voters: ['n1'], learners: [] },
  membersIndex: 0,
  terms: [{ term, index }],
  values: [],
  requests: [],
});

test('a write that was on its way while what it holds was compacted keeps what lies above', () => {
  const disk = new GroupDisk('g0');
  disk.keep({ ticket: 1, entries: [entry(1, 1), entry(1, 2), entry(1, 3)] });
  // Committed by others up to 3 in term 2, imaged and compacted up to 2, and only then durable here.
  disk.keepSnapshot(snapshot(2, 3));
  expect(disk.compact(2)).toBe(2);
  disk.keep({ ticket: 2, truncateFrom: 2, entries: [entry(2, 2), entry(2, 3), entry(2, 4)] });
  expect(disk.recover().entries.map(({ term, index }) => `${term}/${index}`)).toEqual(['2/3', '2/4']);
});
