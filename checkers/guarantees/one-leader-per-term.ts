/**
 * One leader per term (Election Safety, Ongaro & Ousterhout 2014): no two nodes claim to lead in the same term. Judged by what nodes
 * say of themselves, each claim read so that its term held before and after the role was read.
 */
import type { Checker, Follower } from '../checker.ts';
import { confirming } from '../online/confirming.ts';
import { LeadersStream } from '../online/leaders.ts';
import { Findings } from '../sessions/findings.ts';
import { type Claim, sightingsOf } from '../sessions/notes.ts';
import { instant } from '../linearizable/words.ts';

const at = ({ time }: Claim): string => (Number.isNaN(time) ? '' : ` (at ${instant(time)})`);

export default {
  name: 'one-leader-per-term',
  decides: 'one-leader-per-term',
  check(history) {
    const findings = new Findings();
    const leaders = new Map<string, Claim>();
    const blamed = new Set<string>();
    const nodes = new Set<string>();
    const sightings = sightingsOf(history);
    const several = new Set(sightings.map(({ group }) => group)).size > 1;
    let claims = 0;
    for (const claim of sightings) {
      if (claim.role !== 'leader') continue;
      claims++;
      nodes.add(claim.node);
      const term = `${claim.group} ${claim.term}`;
      const first = leaders.get(term);
      if (first === undefined) leaders.set(term, claim);
      const pair = `${term} ${claim.node}`;
      if (first === undefined || first.node === claim.node || blamed.has(pair)) continue;
      blamed.add(pair);
      findings.add(() => ({
        kind: 'two leaders in one term',
        sentence: `${first.node}${at(first)} and ${claim.node}${at(claim)} both claimed to lead in term ${claim.term}${several ? ` of ${claim.group}` : ''}.`,
        operations: [],
      }));
    }
    const examined = {
      operations: history.operations,
      sightings: sightings.length,
      claims,
      terms: leaders.size,
      leaders: nodes.size,
    };
    return findings.verdict(examined, claims === 0 ? 'no node was seen to claim leadership of a term' : undefined);
  },
  follow(growing, budget, semantics): Follower {
    return confirming(this, growing, budget, semantics, new LeadersStream());
  },
} satisfies Checker;
