/** One leader per term while the history is made: the second node that claims to lead in a term is suspected, once. */
import type { PlacedNote } from '../../history/history.ts';
import { claimOf } from '../sessions/notes.ts';
import type { Suspecting } from './confirming.ts';

/** The group of sightings that name none. Whether that is one that others name shows when all groups are known, in the end. */
const UNNAMED = '';

export class LeadersStream implements Suspecting {
  suspects = false;
  /** By group and term, who claimed to lead. */
  readonly #leaders = new Map<string, Set<string>>();

  invoked(): void {}

  completed(): void {}

  noted(note: PlacedNote): void {
    const claim = claimOf(note, UNNAMED);
    if (claim?.role !== 'leader') return;
    const term = `${claim.group} ${claim.term}`;
    const leaders = this.#leaders.get(term);
    if (leaders === undefined) this.#leaders.set(term, new Set([claim.node]));
    else if (!leaders.has(claim.node)) {
      leaders.add(claim.node);
      this.suspects = true;
    }
  }
}
