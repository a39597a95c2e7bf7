/**
 * Durability: every acknowledged write is in the final state read through the strongest path. Judged on writes that nothing
 * overwrites, on the last writes of registers, and by positions on what newer writes cover; what else was covered is counted, not
 * judged. An acknowledged write that nothing was read back of leaves the verdict open.
 */
import { CAS, type History, INFO, NONE } from '../../history/history.ts';
import type { Anomaly, Checker } from '../checker.ts';
import { placeText, termOf } from '../positions.ts';
import { explainClaim } from '../sessions/claim-words.ts';
import { Findings } from '../sessions/findings.ts';
import { blamedRows } from '../sessions/blame.ts';
import { claimsToBlame } from '../sessions/claims.ts';
import { committed, replacedWrite } from '../sessions/committed.ts';
import { type FaultSpan, faultSpans, faultsWithin } from '../sessions/notes.ts';
import { Registers, UNWRITTEN } from '../sessions/registers.ts';
import { explainUnwritten, operationsOf, refusedWrite } from '../sessions/rule.ts';
import { COVERED, LOST, NOT_READ_BACK, SURVIVED, type Survival, survivalOf } from '../sessions/survival.ts';
import { olderThan } from '../sessions/showed.ts';
import { amount, answer, key, server, value, valueText, when } from '../sessions/words.ts';

function explainLoss(registers: Registers, write: number, proof: number, faults: readonly FaultSpan[]): Anomaly {
  const { history, versions } = registers;
  const term = termOf(versions.history[write]);
  const by = history.node[write] === NONE ? '' : ` by ${server(history, write)}`;
  const inTerm = Number.isNaN(term) ? '' : ` in term ${term}`;
  const inForce = faultsWithin(faults, history.callTime[write], history.retTime[write]);
  const during = inForce.length === 0 ? '' : ` (during ${inForce.join(', ')})`;
  const isCas = history.f[write] === CAS;
  const what = isCas
    ? `cas of ${key(history, write)} from ${valueText(history.values.get(history.expected[write]))} to ${value(history, write)}`
    : `write of ${value(history, write)} to ${key(history, write)}`;
  const written = `The ${what}, acknowledged${by}${inTerm}${when(history, write)}${during},`;
  const source = registers.source[proof];
  const covered = history.key[proof] !== history.key[write] || (source >= 0 && !registers.older(source, write));
  const why = registers.hasVersion(source) ? `, for it holds ${placeText(history, versions, source)}` : '';
  const read = `the read of ${key(history, proof)}${answer(history, proof)}`;
  const claimed =
    covered || source < 0 || registers.precedes(source, write) ? '' : `, ${olderThan(registers, source, write)}`;
  const sentence = covered
    ? `${written} was undone: ${read} shows that the final log does not hold ${placeText(history, versions, write)}${why}.`
    : `${written} is missing from the final state: ${read} returned ${value(history, proof)}${claimed}.`;
  return { kind: 'lost write', sentence, operations: operationsOf(history, [write, proof]) };
}

function explainUnexpected(history: History, read: number, elsewhere: number): Anomaly {
  if (replacedWrite(history, read) !== undefined || refusedWrite(history, read) !== NONE)
    return explainUnwritten(history, read);
  const found = `The final read of ${key(history, read)}${answer(history, read)} returned ${value(history, read)}, which`;
  const operations = operationsOf(history, [elsewhere, read]);
  return elsewhere === NONE
    ? { kind: 'unexpected value', sentence: `${found} nobody ever tried to write there.`, operations }
    : { kind: 'duplicate', sentence: `${found} was written to ${key(history, elsewhere)} only.`, operations };
}

/** Values that were written to some other key: those are duplicates, not inventions. */
function writersOf(registers: Registers): ReadonlyMap<number, number> {
  const { history } = registers;
  const writers = new Map<number, number>();
  for (let row = 0; row < history.length; row++) if (registers.isWrite(row)) writers.set(history.value[row], row);
  return writers;
}

type IsBlamed = (row: number) => boolean;

function judge(registers: Registers, { fate, proof, finals }: Survival, findings: Findings, isBlamed: IsBlamed) {
  const { history } = registers;
  const blamedKeys = new Uint8Array(history.keys.length);
  const faults = faultSpans(history);
  const counts = { writes: 0, acknowledged: 0, survived: 0, lost: 0, recovered: 0, covered: 0, 'not read back': 0 };
  for (let row = 0; row < history.length; row++) {
    if (!isBlamed(row)) continue;
    blamedKeys[history.key[row]] = 1;
    if (history.outcome[row] === INFO && fate[row] === SURVIVED) counts.recovered++;
    if (!registers.isAcknowledged(row)) continue;
    counts.acknowledged++;
    if (fate[row] === SURVIVED) counts.survived++;
    if (fate[row] === COVERED) counts.covered++;
    if (fate[row] === NOT_READ_BACK) counts['not read back']++;
    if (fate[row] !== LOST) continue;
    counts.lost++;
    findings.add(() => explainLoss(registers, row, proof[row], faults));
  }
  counts.writes = counts.survived + counts.lost;
  let unexpected = 0;
  let writers: ReadonlyMap<number, number> | undefined;
  for (const read of finals) {
    if (read === NONE || registers.source[read] !== UNWRITTEN) continue;
    if (!isBlamed(read) && blamedKeys[history.key[read]] === 0) continue;
    unexpected++;
    writers ??= writersOf(registers);
    const elsewhere = writers.get(history.value[read]) ?? NONE;
    findings.add(() => explainUnexpected(history, read, elsewhere));
  }
  return { ...counts, unexpected };
}

/**
 * One place of a log holds one write: of two that were acknowledged with it, one is lost. Which one is told by what survived, where
 * one of them is nobody's to blame here; returns how many of these pairs nothing tells apart.
 */
function judgeClaims(
  registers: Registers,
  survival: Survival | undefined,
  findings: Findings,
  isBlamed: IsBlamed,
): number {
  let open = 0;
  for (const claim of claimsToBlame(registers.falseClaims, isBlamed)) {
    if (claim.type !== 'one version, two writes' || !claim.rows.some(isBlamed)) continue;
    if (claim.rows.every((row) => isBlamed(row) || survival?.fate[row] === SURVIVED))
      findings.add(() => explainClaim(registers, claim));
    else if (!claim.rows.some((row) => isBlamed(row) && survival?.fate[row] === SURVIVED)) open++;
  }
  return open;
}

export default {
  name: 'durable',
  decides: 'durable',
  check(whole, _budget, semantics) {
    const history = committed(whole);
    const registers = new Registers(history, semantics);
    const findings = new Findings();
    const isBlamed = blamedRows(history, semantics);
    const survival = survivalOf(history, registers);
    const open = judgeClaims(registers, survival, findings, isBlamed);
    if (survival === undefined) {
      let acknowledged = 0;
      for (let row = 0; row < history.length; row++) {
        if (registers.isAcknowledged(row) && isBlamed(row)) acknowledged++;
      }
      const examined = { operations: history.operations, writes: 0, acknowledged, 'not read back': acknowledged };
      return findings.verdict(examined, 'nothing was read back at the end');
    }
    const counts = judge(registers, survival, findings, isBlamed);
    const { acknowledged, covered, 'not read back': missing } = counts;
    const doubt =
      acknowledged === 0
        ? 'no write was acknowledged'
        : missing > 0 || counts.writes === 0
          ? `of ${amount(acknowledged, 'acknowledged write')}, ${missing} had no answered final read, and ` +
            `${covered} were covered by newer ones`
          : open > 0
            ? `of ${amount(open, 'pair')} of writes with one version nothing tells which one is lost`
            : undefined;
    return findings.verdict({ operations: history.operations, ...counts }, doubt);
  },
} satisfies Checker;
