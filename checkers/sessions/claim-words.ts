/** What versions and positions contradict, in words. */
import { NONE, OK, READ } from '../../history/history.ts';
import type { Anomaly } from '../checker.ts';
import { placeText, positionsOf, versionsOf } from '../positions.ts';
import type { FalseClaim } from './claims.ts';
import { isAbovePosition } from './position-claims.ts';
import { operationsOf } from './operations.ts';
import type { Registers } from './registers.ts';
import { INITIAL } from './sources.ts';
import { answer, key, value, when } from './words.ts';

export const CONTRADICTING = 'contradicting claims';

export function explainClaim(registers: Registers, claim: FalseClaim): Anomaly {
  return {
    kind: CONTRADICTING,
    sentence: sentence(registers, claim),
    operations: operationsOf(
      registers.history,
      claim.rows.flatMap((row) => [row, voucher(registers, row)]),
    ),
  };
}

/** The row that told the version of a row: itself, or for a write the first read that told it; NONE where nobody did. */
function voucher(registers: Registers, row: number): number {
  const { f, outcome, key, versionGroup, length } = registers.history;
  if (versionGroup[row] !== NONE || f[row] === READ) return row;
  for (let read = 0; read < length; read++) {
    if (f[read] !== READ || outcome[read] !== OK || versionGroup[read] === NONE) continue;
    if (key[read] === key[row] && !registers.differ(read, row)) return read;
  }
  return NONE;
}

function sentence(registers: Registers, { type, rows }: FalseClaim): string {
  const { history, source } = registers;
  const [first, second] = rows;
  const last = rows[rows.length - 1];
  const versions = versionsOf(history);
  const version = (row: number): string => placeText(history, versions, voucher(registers, row));
  const written = (row: number): string => `${value(history, row)} to ${key(history, row)}`;
  const read = (): string =>
    `A read of ${key(history, first)} at position ${placeText(history, positionsOf(history), first)} returned ` +
    `${value(history, first)}${answer(history, first)}`;
  switch (type) {
    case 'one version, two writes':
      return (
        `Two writes were acknowledged with one version ${version(first)}: ${written(first)}${answer(history, first)}, and ` +
        `${written(second)}${answer(history, second)}.`
      );
    case 'version of another write':
      return (
        `A read of ${key(history, second)} returned ${value(history, second)}${answer(history, second)} with version ` +
        `${version(second)}, which belongs to the write of ${written(first)}.`
      );
    case 'two versions, one write':
      return (
        `A read of ${key(history, second)} returned ${value(history, second)}${answer(history, second)} with version ` +
        `${version(second)}; the same write had been reported with another version before.`
      );
    case 'order against real time': {
      // Who told the version of the first: its acknowledgement, or a read.
      const teller = rows.length > 2 ? last : first;
      const how = teller === first ? 'acknowledged' : 'read';
      return (
        `The write of ${written(first)} was ${how}${when(history, teller)} with version ${version(teller)}, and the write of ` +
        `${written(second)}, invoked after that, with the lower version ${version(second)}.`
      );
    }
    case 'version above its position':
      return `${read()}, whose version ${version(isAbovePosition(history, first) ? first : last)} lies above that.`;
    case 'two values at one position':
      return `${read()}, and another one at the same position ${value(history, second)}${answer(history, second)}.`;
    case 'write missing at a position': {
      const how = source[first] === INITIAL ? ', the initial value' : '';
      return `${read()}${how}, though ${value(history, last)} was written there with version ${version(last)}, which that position covers.`;
    }
  }
}
