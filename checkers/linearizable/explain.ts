/** Sentences for what is wrong with a register, each with the fewest operations that convince. */
import type { Anomaly } from '../checker.ts';
import { CAS, FAIL, NEVER, NONE, WRITE } from '../../history/history.ts';
import { fewest } from '../explain/fewest.ts';
import { rowsShown } from '../explain/last-state.ts';
import type { Finding } from './clusters.ts';
import { noPlace } from './core.ts';
import { chainAgainstTime, crossing, kindOf } from './crossings.ts';
import type { Explainer } from './evidence.ts';
import { anomaly, extremes, seen, witnessesOf } from './evidence.ts';
import type { SearchContext } from './objects.ts';
import { READS, SWAPS, WRITES, found, reference } from './register.ts';
import { call, callAfter, deedOf, ret, show, showOf } from './words.ts';

/** More operations than this are not looked at one by one. */
const LOOKED_AT_MAX = 24;
/** Nor where they are called further apart than this, in events. */
const APART_MAX = 400_000;

export function explain(explainer: Explainer, searching: SearchContext, finding: Finding): Anomaly {
  const told = tell(explainer, finding);
  const isPlain = explainer.survey.swaps === 0 || !BY_ZONES.has(finding.type);
  if (isPlain || told.operations.length > LOOKED_AT_MAX) return told;
  // Zones know the ends of clusters. Of cas they do not know that one more, which is not shown, could not have come later.
  const { history, machine, budget } = searching;
  const rows = rowsShown(history, told);
  const calls = rows.map((row) => history.call[row]);
  if (Math.max(...calls) - Math.min(...calls) > APART_MAX) return told;
  const less = fewest(history, machine, rows, budget);
  if (less === undefined || less.rows.length === rows.length) return told;
  const { sentence, operations } = noPlace(searching, { ...less, minimal: true });
  return {
    kind: told.kind === 'stale read' || told.kind === 'stale cas' ? kindOf(history, less.stuck) : told.kind,
    sentence,
    operations,
  };
}

const BY_ZONES: ReadonlySet<Finding['type']> = new Set(['crossing', 'chain against time', 'refused in the midst']);

function tell(explainer: Explainer, finding: Finding): Anomaly {
  const { history } = explainer;
  const x = show(history.keys[finding.key]);
  const did = (row: number): string => deedOf(history, row);
  switch (finding.type) {
    case 'never written':
      return neverWritten(explainer, finding.row);
    case 'read before write': {
      const { row, cluster } = finding;
      const sentence = `${did(row)} was answered${ret(history, row)}, before ${did(cluster)} was asked for${callAfter(history, cluster, row, ', at ')}.`;
      return anomaly(history, 'read before write', sentence, [row, cluster]);
    }
    case 'refused without cause': {
      const sentence = `${did(finding.row)} was refused, although that is the very value it expected.`;
      return anomaly(history, 'cas refused without cause', sentence, [finding.row]);
    }
    case 'swapped twice': {
      const { row, other } = finding;
      const value = showOf(history.values, reference(explainer.reading, history.expected[row]));
      const writer = writerOf(explainer, finding.key, reference(explainer.reading, history.expected[row]));
      const witnesses = witnessesOf(explainer, [row, other]);
      const sentence = `${did(other)} and ${did(row)} both replaced ${value}, which ${x} held only once${seen(history, witnesses)}.`;
      return anomaly(history, 'value swapped twice', sentence, [
        row,
        other,
        ...witnesses,
        ...(writer === NONE ? [] : [writer]),
      ]);
    }
    case 'swapped in a circle': {
      // One of them that happened shows that all did.
      const doubtful = finding.rows.every((row) => history.ret[row] === NEVER) ? [finding.rows[0]] : [];
      const witnesses = witnessesOf(explainer, doubtful).filter((row) => !finding.rows.includes(row));
      const what =
        finding.rows.length === 1
          ? 'it found the value that nothing but itself could have left there'
          : 'each found the value of another of them, so none could be the first';
      const sentence = `${finding.rows.map(did).join(', ')}: ${what}${seen(history, witnesses)}.`;
      return anomaly(history, 'cas in a circle', sentence, [...finding.rows, ...witnesses]);
    }
    case 'refused in the midst': {
      const { row, cluster } = finding;
      const ends = extremes(explainer, finding.key, [cluster]);
      const { last } = ends;
      const open = cluster < history.length && history.ret[cluster] === NEVER ? [cluster] : [];
      const first = cluster < history.length && history.ret[cluster] < history.call[row] ? cluster : ends.first;
      const began = first < history.length ? `${did(first)}${ret(history, first, ', over at ')}` : 'the beginning';
      const sentence =
        `${did(row)} was refused for a mismatch, although ${x} held that value all along, from before its call ` +
        `(${began}) until after its answer (${did(last)}${call(history, last, ', asked for at ')}).`;
      return anomaly(history, 'cas refused without cause', sentence, [row, first, last, ...open]);
    }
    case 'chain against time':
      return chainAgainstTime(explainer, finding);
    case 'crossing':
      return crossing(explainer, finding);
  }
}

function neverWritten(explainer: Explainer, row: number): Anomaly {
  const { history, reading, survey } = explainer;
  const { key, f, outcome, value } = history;
  const ref = survey.deeds[row] === SWAPS ? reference(reading, history.expected[row]) : found(history, reading, row);
  const text = showOf(history.values, ref);
  const x = show(history.keys[key[row]]);
  const witnesses = witnessesOf(explainer, [row]);
  const shown = seen(history, witnesses);
  for (let other = 0; other < history.length; other++) {
    if (key[other] !== key[row] || outcome[other] !== FAIL || (f[other] !== WRITE && f[other] !== CAS)) continue;
    if (other === row || reference(reading, value[other]) !== ref) continue;
    if (survey.deeds[other] === READS && found(history, reading, other) === ref) continue; // it is as wrong itself
    const what = `${deedOf(history, row)} found ${text}, which never took effect on ${x}: ${deedOf(history, other)} was refused`;
    const swapped = reference(reading, value[row]);
    // Refused, it found what the cas of unknown outcome left: no other witness is needed.
    if (witnesses.length > 0 && survey.deeds[other] === READS && found(history, reading, other) === swapped) {
      const sentence = `${what}, and the ${showOf(history.values, swapped)} that it found shows that the first took effect.`;
      return anomaly(history, 'read of a refused write', sentence, [row, other]);
    }
    return anomaly(history, 'read of a refused write', `${what}${shown}.`, [row, other, ...witnesses]);
  }
  const sentence = `${deedOf(history, row)} found ${text}, which nothing ever wrote to ${x}${shown}.`;
  return anomaly(history, 'read of a value never written', sentence, [row, ...witnesses]);
}

function writerOf({ history, reading, survey }: Explainer, key: number, ref: number): number {
  for (let row = 0; row < history.length; row++) {
    const what = survey.deeds[row];
    if (
      (what === WRITES || what === SWAPS) &&
      history.key[row] === key &&
      reference(reading, history.value[row]) === ref
    ) {
      return row;
    }
  }
  return NONE;
}
