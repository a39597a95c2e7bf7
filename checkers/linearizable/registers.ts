/** Registers: zones where every value is written once, the search for the other keys. */
import type { Budget, Semantics } from '../checker.ts';
import type { Model } from '../model.ts';
import { NONE } from '../../history/history.ts';
import type { History } from '../../history/history.ts';
import { connectedRegisters } from './many-registers.ts';
import { withLastStates } from '../explain/last-state.ts';
import { joinChains, singleClusters } from './chains.ts';
import { Findings, cluster } from './clusters.ts';
import { connectedKeys } from './connected.ts';
import { judgeDenials } from './denials.ts';
import { explain } from './explain.ts';
import type { Outcome } from './objects.ts';
import { ANOMALIES_EXPLAINED, checkObjects, foreignReason, rowsByKey, searchKey } from './objects.ts';
import { SILENT, registerReading } from './register.ts';
import { survey } from './survey.ts';
import type { Survey } from './survey.ts';
import { searchWindows } from './windows.ts';
import { orderBlocks, scanZones } from './zones.ts';

/** `searches`: whether keys that zones do not decide are searched; otherwise nothing is said about them. */
export function checkRegisters(
  history: History,
  model: Model,
  semantics: Semantics,
  budget: Budget,
  searches = true,
): Outcome {
  const reading = registerReading(history, semantics);
  const surveyed = survey(history, reading, model);
  const { deeds, foreign, writesOf, readsOf } = surveyed;
  const findings = new Findings(history.keys.length);
  const clusters = cluster(history, reading, surveyed, findings);
  const chains =
    surveyed.swaps === 0 ? singleClusters(clusters) : joinChains(history, reading, surveyed, clusters, findings);
  const order = orderBlocks(history, chains);
  scanZones(history, chains, order, (key, one, other) => {
    findings.add(key, () => ({ type: 'crossing', key, one: chains.chain(one), other: chains.chain(other) }));
  });
  const context = { history, reading, survey: surveyed, clusters };
  const denials = surveyed.denials === 0 ? undefined : judgeDenials(context, chains, order, findings);

  const explainer = { history, reading, survey: surveyed, ends: clusters };
  const machine = model.machine(history, semantics);
  const telling = { history, machine, semantics, budget, explains: true };
  const anomalies = findings.first.map((finding) => explain(explainer, telling, finding));
  let count = 0;
  const undecided: string[] = [];
  const toSearch: number[] = [];
  // Keys that are not known to be linearizable after their search.
  const left = new Uint8Array(history.keys.length);
  for (let k = 0; k < history.keys.length; k++) {
    count += findings.perKey[k];
    if (foreign[k] !== NONE) undecided.push(foreignReason(history, model, foreign[k]));
    else if (findings.perKey[k] > 0 || writesOf[k] + readsOf[k] === 0) continue;
    else if (searches && (clusters.repeated[k] === 1 || denials?.open[k] === 1)) toSearch.push(k);
  }
  if (toSearch.length > 0) {
    const rows = rowsByKey(history, (row) => deeds[row] !== SILENT && denials?.settled[row] !== 1);
    for (const k of toSearch) {
      const explains = anomalies.length < ANOMALIES_EXPLAINED;
      const searching = { history, machine, semantics, budget, explains };
      const inWindows =
        denials === undefined || clusters.repeated[k] === 1
          ? undefined
          : searchWindows(
              context,
              searching,
              denials,
              rows(k),
              denials.left.filter(({ row }) => history.key[row] === k),
            );
      const outcome = inWindows === undefined || inWindows.type === 'open' ? searchKey(searching, rows(k)) : inWindows;
      if (outcome.type !== 'found') left[k] = 1;
      if (outcome.type === 'undecided') undecided.push(outcome.reason);
      if (outcome.type !== 'impossible') continue;
      count++;
      if (outcome.anomaly !== undefined) anomalies.push(outcome.anomaly);
    }
  }
  const isAlone = new Uint8Array(history.keys.length).fill(1);
  for (let k = 0; k < isAlone.length; k++)
    if (findings.perKey[k] > 0 || foreign[k] !== NONE || left[k] === 1) isAlone[k] = 0;
  const connected = searches ? connectedKeys(context, (k) => isAlone[k] === 1) : undefined;
  const together = connected === undefined ? undefined : judgeConnected(connected, semantics, budget);
  if (together !== undefined) {
    anomalies.push(...together.anomalies);
    undecided.push(...together.undecided);
    count += together.count;
  }
  const examined = { ...surveyed.examined, concurrent: clusters.concurrent };
  return { anomalies, count, undecided, seesNothing: nothingSeen(surveyed), examined };
}

/** Keys that reads of many connect, each group as one object. */
function judgeConnected(connected: History, semantics: Semantics, budget: Budget): Outcome {
  const outcome = checkObjects(connected, connectedRegisters, semantics, budget);
  const machine = connectedRegisters.machine(connected, semantics);
  const anomalies = withLastStates(outcome.anomalies, connected, machine, budget, connectedRegisters);
  return { ...outcome, anomalies };
}

/** Where nothing was answered, any claim would be true of it. */
function nothingSeen({ examined }: Survey): string | undefined {
  const { operations, indeterminate } = examined;
  return operations > indeterminate ? undefined : 'nothing to examine: no operation on a register was answered';
}
