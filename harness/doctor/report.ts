/** What the doctor found, as tables and as lines of JSON. */
import { availableParallelism, loadavg } from 'node:os';
import { MILLISECOND } from '../../history/clock.ts';
import { duration, table } from '../table.ts';
import type { Check } from './machine.ts';
import type { Row } from './trial.ts';

export function checksText(checks: readonly Check[]): readonly string[] {
  return table([
    ['part', 'state', 'found'],
    ...checks.map(({ check, state, found, install }) => [
      check,
      state,
      state === 'ok' || install === undefined ? found : `${found}. To install: ${install}`,
    ]),
  ]);
}

export function checkJson(check: Check): string {
  return JSON.stringify({ schema: 1, type: 'check', ...check });
}

/** In place of levers and cluster, where there can be none. */
export function untriedJson(why: string): string {
  return JSON.stringify({ schema: 1, type: 'untried', why });
}

export function rowsText(rows: readonly Row[]): readonly string[] {
  const lines = table(
    [
      ['lever', 'what', 'works', 'before', 'during', 'after', 'apply', 'heal'],
      ...rows.map((row) => [
        row.lever,
        row.what,
        row.outcome === 'works' ? 'yes' : row.outcome,
        row.before ?? '–',
        row.during ?? '–',
        row.after ?? '–',
        time(row.applyMs),
        time(row.healMs),
      ]),
    ],
    ['left', 'left', 'left', 'left', 'left', 'left', 'right', 'right'],
  );
  const whys = rows.flatMap(({ lever, what, outcome, why }) =>
    outcome === 'works' || why === undefined ? [] : [`${lever}, ${what}: ${outcome}: ${why}`],
  );
  return [...lines, ...(whys.length > 0 ? ['', ...whys] : []), '', ...closing(rows)];
}

export function rowJson(row: Row): string {
  const rounded = (ms: number | undefined): number | undefined =>
    ms === undefined ? undefined : Math.round(ms * 10) / 10;
  return JSON.stringify({
    schema: 1,
    type: 'lever',
    ...row,
    applyMs: rounded(row.applyMs),
    healMs: rounded(row.healMs),
  });
}

/** How many work, and which took longer than they are meant to. */
function closing(rows: readonly Row[]): readonly string[] {
  const works = rows.filter(({ outcome }) => outcome === 'works').length;
  const aimed = rows.filter(({ aimMs, applyMs }) => aimMs !== undefined && applyMs !== undefined);
  const slow = aimed.filter(({ applyMs = 0, healMs = 0, aimMs = 0 }) => applyMs > aimMs || healMs > aimMs);
  const names = slow.map(({ lever, what, aimMs }) => `${lever} ${what.split(',')[0]} (${aimMs} ms)`);
  const [load] = loadavg();
  const busy = `this machine has a load of ${load.toFixed(1)} on ${availableParallelism()} processors`;
  return [
    `${works} of ${rows.length} work`,
    ...(aimed.length > 0 && slow.length === 0 ? ['all are as fast as aimed at'] : []),
    ...(slow.length > 0 ? [`slower than aimed at, while ${busy}: ${names.join(', ')}`] : []),
  ];
}

function time(ms: number | undefined): string {
  if (ms === undefined) return '–';
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** What became of the scratch cluster. */
export interface Aftermath {
  /** What is not as it was before the first fault, in sentences. */
  readonly lingering: readonly string[];
  /** What ended by itself. */
  readonly crashes: readonly string[];
  /** What is still there of its containers, volumes and networks. */
  readonly left: readonly string[];
  readonly upNs: number;
  readonly removedNs: number;
  readonly interrupted: boolean;
}

export function aftermathText({
  lingering,
  crashes,
  left,
  upNs,
  removedNs,
  interrupted,
}: Aftermath): readonly string[] {
  return [
    ...(interrupted ? ['interrupted: the rest was not tried'] : []),
    ...(lingering.length === 0 ? ['rules, queues, processes, disks, clocks and limits are as they were'] : lingering),
    ...crashes,
    `the cluster was up in ${duration(upNs)} and removed in ${duration(removedNs)}; ${left.length === 0 ? 'nothing of it is left' : `left: ${left.join(', ')}`}`,
  ];
}

export function aftermathJson({ upNs, removedNs, ...rest }: Aftermath): string {
  const ms = (ns: number): number => Math.round(ns / MILLISECOND);
  return JSON.stringify({ schema: 1, type: 'cluster', upMs: ms(upNs), removedMs: ms(removedNs), ...rest });
}
