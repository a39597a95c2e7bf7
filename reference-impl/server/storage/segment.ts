/** A file of the log, and which entries of which groups lie in it. */
import { join } from 'node:path';
import type { GroupId } from '../../core/types.ts';

const NAME = /^(\d{16})\.log$/;

export class Segment {
  readonly path: string;
  /** Sequence of its first record. */
  readonly first: number;
  /** Up to the end of its last record. */
  bytes = 0;
  /** Of each group: the last index that this file has and that a later write has not replaced. */
  readonly #lasts = new Map<GroupId, number>();

  constructor(path: string, first: number) {
    this.path = path;
    this.first = first;
  }

  holds(group: GroupId, last: number): void {
    this.#lasts.set(group, last);
  }

  /** From `index` on, another segment knows better. */
  cut(group: GroupId, index: number): void {
    const last = this.#lasts.get(group);
    if (last !== undefined && last >= index) this.#lasts.set(group, index - 1);
  }

  /** Whether nothing in it is above what each group can do without. */
  isDispensable(dispensable: (group: GroupId) => number): boolean {
    for (const [group, last] of this.#lasts) if (last > dispensable(group)) return false;
    return true;
  }
}

export function segmentPath(folder: string, first: number): string {
  return join(folder, `${String(first).padStart(16, '0')}.log`);
}

/** The sequence in a segment's name; undefined for other names. */
export function firstOf(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
