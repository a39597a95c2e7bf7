/** Runs that figures are better not taken from, or that nobody can make again: one sentence a group, with how many there are of each. */
import type { RunRecord } from './record.ts';

/** Whatever was judged: the harness failed, so what was measured may be of less than was asked for. */
export function hasFailed({ exitCode, counts }: Pick<RunRecord, 'exitCode' | 'counts'>): boolean {
  return exitCode === 255 || exitCode === 254 || (counts['harness failures'] ?? 0) > 0;
}

/** Stopped by somebody before its end. */
export function wasInterrupted({ counts }: Pick<RunRecord, 'counts'>): boolean {
  return (counts['interrupted'] ?? 0) > 0;
}

/** Undefined where there is nothing to say. `group` is what the runs are called: `the baseline`, `A`. */
export function caveat(group: string, records: readonly RunRecord[]): string | undefined {
  const counted = (what: string, is: (record: RunRecord) => boolean): readonly string[] => {
    const n = records.filter(is).length;
    return n === 0 ? [] : [`${n} ${what}`];
  };
  const said = [
    ...counted('went wrong', hasFailed),
    ...counted('interrupted', wasInterrupted),
    ...counted('made from a tree with changes in no commit', ({ git }) => git?.dirty === true),
  ];
  return said.length === 0
    ? undefined
    : `of ${group}'s ${records.length} run${records.length === 1 ? '' : 's'}: ${said.join('; ')}`;
}
