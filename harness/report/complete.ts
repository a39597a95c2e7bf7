/** A stored run with all that a report shows of it: what the database does not keep is in the run's files, or follows from its journal. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Value } from '../../history/operation.ts';
import { readJsonlSync } from '../../history/codec/jsonl.ts';
import { readRun, runFolder } from '../../results/files.ts';
import type { RunRecord } from '../../results/record.ts';
import { overTime } from '../series.ts';
import { positionsOf } from '../standings.ts';

/** `told` hears, in one sentence, why something is missing. */
export function completed(record: RunRecord, home: string, told: (sentence: string) => void): RunRecord {
  if (record.series !== undefined && record.standings !== undefined) return record;
  const stored = fromFiles(record.id, home);
  if (stored?.series !== undefined && stored.journalSha256 === record.journalSha256) return { ...stored, ...record };
  const journal = ['journal.jsonl', 'journal.jsonl.gz']
    .map((name) => join(runFolder(home, record.id), name))
    .find(existsSync);
  if (journal === undefined) return record;
  try {
    const { history, header } = readJsonlSync(journal);
    const uncommitted = header?.['uncommittedPaths'];
    const strongest = record.plan['strongestReadPath'];
    return {
      ...record,
      ...overTime(history, {
        strongestReadPath: typeof strongest === 'string' ? strongest : 'leader',
        uncommitted: Array.isArray(uncommitted) ? (uncommitted as readonly Value[]).map(String) : [],
        faults: record.faults,
        lagWithinHistory: positionsOf(record)?.withinHistory === true,
      }),
    };
  } catch (error) {
    told(`The report does without what went on over time: ${(error as Error).message}`);
    return record;
  }
}

function fromFiles(id: string, home: string): RunRecord | undefined {
  try {
    return readRun(home, id);
  } catch {
    return undefined; // damaged: the database has the run
  }
}
