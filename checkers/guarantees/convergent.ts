/**
 * Convergence (Shapiro et al. 2011): after healing, within the stated bound, every node that is up holds the same state. Each node is
 * read by name (paths `node:NAME` of the epilogue), and compared with the final reads through the strongest path, or where a
 * key has none, with what most nodes hold.
 */
import { type History, NONE, OK, READ } from '../../history/history.ts';
import type { Anomaly, Checker } from '../checker.ts';
import { Findings } from '../sessions/findings.ts';
import { epilogueOf, faultSpans, livesOf } from '../sessions/notes.ts';
import { operationsOf } from '../sessions/rule.ts';
import { amount, key, value, when } from '../sessions/words.ts';

const BY_NAME = 'node:';

/** What was asked of one node by its name, and what it answered: its last answer for each key. */
interface Asked {
  readonly node: string;
  readonly answers: Map<number, number>;
  readonly refused: number[];
  /** Rows that another node answered. */
  readonly misdirected: number[];
  /** Event position of the last invocation. */
  last: number;
}

interface Epilogue {
  readonly nodes: ReadonlyMap<string, Asked>;
  /** By key, the last answered final read through the strongest path. */
  readonly finals: ReadonlyMap<number, number>;
}

function epilogueReads(history: History, from: number): Epilogue {
  const nodes = new Map<string, Asked>();
  const finals = new Map<number, number>();
  for (let row = 0; row < history.length; row++) {
    if (history.f[row] !== READ || history.call[row] < from) continue;
    const path = history.path[row] === NONE ? '' : history.paths[history.path[row]];
    if (!path.startsWith(BY_NAME)) {
      if (history.outcome[row] === OK) finals.set(history.key[row], row);
      continue;
    }
    const node = path.slice(BY_NAME.length);
    const asked = nodes.get(node) ?? {
      node,
      answers: new Map<number, number>(),
      refused: [],
      misdirected: [],
      last: from,
    };
    nodes.set(node, asked);
    asked.last = history.call[row];
    if (history.outcome[row] !== OK) asked.refused.push(row);
    else if (history.node[row] !== NONE && history.nodes[history.node[row]] !== node) asked.misdirected.push(row);
    else asked.answers.set(history.key[row], row);
  }
  return { nodes, finals };
}

/** For each key a read that returned what every node should hold. */
function expected({ nodes, finals }: Epilogue, history: History): Map<number, number> {
  const rows = new Map(finals);
  const votes = new Map<number, Map<number, number[]>>();
  for (const { answers } of nodes.values()) {
    for (const [ofKey, row] of answers) {
      if (finals.has(ofKey)) continue;
      const ofValues = votes.get(ofKey) ?? new Map<number, number[]>();
      votes.set(ofKey, ofValues);
      ofValues.set(history.value[row], [...(ofValues.get(history.value[row]) ?? []), row]);
    }
  }
  for (const [ofKey, ofValues] of votes) {
    const [most] = [...ofValues.values()].sort((a, b) => b.length - a.length);
    rows.set(ofKey, most[0]);
  }
  return rows;
}

function explainDifference(history: History, node: string, row: number, other: number): Anomaly {
  const path = history.path[other] === NONE ? '' : history.paths[history.path[other]];
  const from = path.startsWith(BY_NAME)
    ? `${path.slice(BY_NAME.length)} held ${value(history, other)}`
    : `the final read${path === '' ? '' : ` (${path})`} returned ${value(history, other)}`;
  return {
    kind: 'diverged',
    sentence: `${node} was up and held ${value(history, row)} in ${key(history, row)}${when(history, row)}, and ${from}${when(history, other)}.`,
    operations: operationsOf(history, [row, other]),
  };
}

function explainSilence(history: History, node: string, rows: readonly number[]): Anomaly {
  const last = rows[rows.length - 1];
  return {
    kind: 'not caught up',
    sentence: `${node} was up and answered none of ${amount(rows.length, 'final read')} by name, the last one of ${key(history, last)}${when(history, last)}.`,
    operations: operationsOf(history, [last]),
  };
}

export default {
  name: 'convergent',
  decides: 'convergent',
  check(history) {
    const from = epilogueOf(history);
    const nothing = { operations: history.operations, nodes: 0, reads: 0, keys: 0 };
    if (from === undefined)
      return { type: 'unknown', reason: 'no node was read by name at the end', examined: nothing };
    const epilogue = epilogueReads(history, from);
    const lives = livesOf(history);
    const right = expected(epilogue, history);
    const findings = new Findings();
    const doubts: string[] = [];
    const counts = { nodes: 0, reads: 0, keys: right.size };
    for (const name of new Set([...epilogue.nodes.keys(), ...lives.nodes])) {
      const asked = epilogue.nodes.get(name);
      if (!lives.isUp(name, asked?.last ?? from)) doubts.push(`${name} was down at the end`);
      else if (asked === undefined) doubts.push(`${name} was not read by name`);
      else if (asked.misdirected.length > 0) doubts.push(`another node answered what ${name} was asked`);
      else {
        counts.nodes++;
        counts.reads += asked.answers.size;
        for (const [ofKey, row] of asked.answers) {
          const other = right.get(ofKey) ?? row;
          if (history.value[row] !== history.value[other])
            findings.add(() => explainDifference(history, name, row, other));
        }
        const silent = asked.refused.filter((row) => !asked.answers.has(history.key[row]));
        if (silent.length > 0) findings.add(() => explainSilence(history, name, silent));
      }
    }
    const examined = { operations: history.operations, ...counts };
    const unhealed = faultSpans(history).filter(({ until }) => until === Number.POSITIVE_INFINITY);
    if (unhealed.length > 0) {
      const names = [...new Set(unhealed.map((span) => span.name))].join(', ');
      return { type: 'unknown', reason: `not everything was healed: ${names}`, examined };
    }
    if (epilogue.nodes.size === 0) doubts.unshift('no node was read by name at the end');
    else if (counts.reads === 0 && doubts.length === 0) doubts.push('no node answered a read by name');
    else if (counts.nodes === 1 && epilogue.finals.size === 0) doubts.push('there is nothing to compare with');
    return findings.verdict(examined, doubts[0] === undefined ? undefined : doubts.join('; '));
  },
} satisfies Checker;
