/**
 * Convergence (Shapiro et al. 2011): after healing, within the stated bound, every node that is up holds the same state. Each node is
 * read by name (paths `node:NAME` of the epilogue), and compared with the final reads through the strongest path, or where a
 * key has none, with what most nodes hold. A node that is up must have answered every key that anybody answered: one that was asked
 * in vain has not caught up, and one that was never asked leaves the verdict open. Learners are held to that like any other; a node
 * that was removed from a replication group is not, for the keys of that group.
 */
import { type History, NONE, OK, READ } from '../../history/history.ts';
import type { Anomaly, Checker, Semantics } from '../checker.ts';
import { Findings } from '../sessions/findings.ts';
import { groupsOfKeys } from '../positions.ts';
import { epilogueOf, faultSpans, livesOf, membersOf } from '../sessions/notes.ts';
import { registerValues } from '../sessions/registers.ts';
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

/** Whether a node takes part in the group of a key, or, without a key, in any group. */
type Expects = (node: string, ofKey?: number) => boolean;

function expectations(history: History): Expects {
  const isMember = membersOf(history);
  const { groups } = groupsOfKeys(history);
  return (node, ofKey) =>
    isMember(node, ofKey === undefined || groups[ofKey] < 0 ? undefined : history.groups[groups[ofKey]]);
}

interface Epilogue {
  readonly nodes: ReadonlyMap<string, Asked>;
  /** By key, the last answered final read through the strongest path. */
  readonly finals: ReadonlyMap<number, number>;
}

function epilogueReads(history: History, from: number, expects: Expects): Epilogue {
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
    if (!expects(node, history.key[row])) continue;
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

type Held = (row: number) => number;

/** For each key that anybody answered a read that returned what every node should hold, and the number of answers. */
function expected(
  nodes: readonly Asked[],
  finals: ReadonlyMap<number, number>,
  held: Held,
): Map<number, { readonly row: number; readonly answers: number }> {
  const answers = new Map<number, number[]>();
  for (const node of nodes) {
    for (const [ofKey, row] of node.answers) {
      const rows = answers.get(ofKey);
      if (rows === undefined) answers.set(ofKey, [row]);
      else rows.push(row);
    }
  }
  const right = new Map<number, { readonly row: number; readonly answers: number }>();
  for (const [ofKey, row] of finals) right.set(ofKey, { row, answers: 1 + (answers.get(ofKey)?.length ?? 0) });
  for (const [ofKey, rows] of answers) {
    if (!finals.has(ofKey)) right.set(ofKey, { row: mostHeld(rows, held), answers: rows.length });
  }
  return right;
}

/** The first row of those that hold what most hold. */
function mostHeld(rows: readonly number[], held: Held): number {
  const votes = new Map<number, number>();
  for (const row of rows) votes.set(held(row), (votes.get(held(row)) ?? 0) + 1);
  const most = Math.max(...votes.values());
  return rows.find((row) => votes.get(held(row)) === most) ?? rows[0];
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
    sentence: `${node} was up and left ${amount(rows.length, 'final read')} by name unanswered, the last one of ${key(history, last)}${when(history, last)}.`,
    operations: operationsOf(history, [last]),
  };
}

/** The nodes that can be judged, and for each of the others why not. */
function nodesToJudge(
  history: History,
  nodes: Epilogue['nodes'],
  from: number,
  expects: Expects,
): { readonly judged: readonly Asked[]; readonly doubts: readonly string[] } {
  const lives = livesOf(history);
  const judged: Asked[] = [];
  const doubts: string[] = [];
  for (const name of new Set([...nodes.keys(), ...lives.nodes])) {
    if (!expects(name)) continue;
    const asked = nodes.get(name);
    if (!lives.isUp(name, asked?.last ?? from)) doubts.push(`${name} was down at the end`);
    else if (asked === undefined) doubts.push(`${name} was not read by name`);
    else if (asked.misdirected.length > 0) doubts.push(`another node answered what ${name} was asked`);
    else judged.push(asked);
  }
  return { judged, doubts };
}

interface Comparison {
  readonly reads: number;
  /** Keys that two nodes answered, or one node and the final read. */
  readonly keys: number;
  readonly doubts: readonly string[];
}

function compare(
  { history, held, expects }: { readonly history: History; readonly held: Held; readonly expects: Expects },
  judged: readonly Asked[],
  finals: Epilogue['finals'],
  findings: Findings,
): Comparison {
  const right = expected(judged, finals, held);
  const doubts: string[] = [];
  let reads = 0;
  for (const { node, answers, refused } of judged) {
    reads += answers.size;
    for (const [ofKey, row] of answers) {
      const other = right.get(ofKey)?.row ?? row;
      if (held(row) !== held(other)) findings.add(() => explainDifference(history, node, row, other));
    }
    const inVain = refused.filter((row) => !answers.has(history.key[row]));
    const silent = inVain.filter((row) => right.has(history.key[row]));
    if (silent.length > 0) findings.add(() => explainSilence(history, node, silent));
    const asked = new Set(inVain.map((row) => history.key[row]));
    const due = [...right.keys()].filter((ofKey) => expects(node, ofKey));
    const unasked = due.filter((ofKey) => !answers.has(ofKey) && !asked.has(ofKey)).length;
    if (unasked > 0) doubts.push(`${node} was not asked for ${unasked} of ${amount(right.size, 'key')}`);
  }
  const unanswered = new Set(judged.flatMap(({ refused }) => refused.map((row) => history.key[row])));
  for (const ofKey of right.keys()) unanswered.delete(ofKey);
  if (unanswered.size > 0) doubts.push(`no node answered for ${amount(unanswered.size, 'key')}`);
  const keys = [...right].filter(([, { answers }]) => answers > 1).length;
  return { reads, keys, doubts };
}

export default {
  name: 'convergent',
  decides: 'convergent',
  check(history, _budget, semantics) {
    const from = epilogueOf(history);
    const nothing = { operations: history.operations, nodes: 0, reads: 0, keys: 0 };
    if (from === undefined)
      return { type: 'unknown', reason: 'no node was read by name at the end', examined: nothing };
    const expects = expectations(history);
    const { nodes, finals } = epilogueReads(history, from, expects);
    const { judged, doubts: unjudged } = nodesToJudge(history, nodes, from, expects);
    const findings = new Findings();
    const parts = { history, held: heldBy(history, semantics), expects };
    const { reads, keys, doubts } = compare(parts, judged, finals, findings);
    const examined = { operations: history.operations, nodes: judged.length, reads, keys };
    const unhealed = faultSpans(history).filter(({ until }) => until === Number.POSITIVE_INFINITY);
    if (unhealed.length > 0) {
      const names = [...new Set(unhealed.map((span) => span.name))].join(', ');
      return { type: 'unknown', reason: `not everything was healed: ${names}`, examined };
    }
    if (nodes.size === 0) return { type: 'unknown', reason: 'no node was read by name at the end', examined };
    const all = [...unjudged, ...doubts];
    if (all.length === 0 && keys === 0) all.push('there is nothing to compare');
    return findings.verdict(examined, all.length === 0 ? undefined : all.join('; '));
  },
} satisfies Checker;

function heldBy(history: History, semantics: Semantics): Held {
  const registers = registerValues(history, semantics);
  return (row) => registers.read(history.value[row]);
}
