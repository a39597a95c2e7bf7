/** How branches do over their runs: verdicts, and what reads cost through the leader and from followers. */
import { type Database, within } from '../../results/database.ts';
import { fromStoredText } from '../../results/text.ts';
import type { RunRecord } from '../../results/record.ts';
import { markOf } from '../report/mark.ts';
import { html, type Markup, name, pathData } from '../report/markup.ts';
import { duration } from '../table.ts';
import { page } from './page.ts';

export interface TrendRun {
  readonly id: string;
  readonly createdAt: string;
  readonly verdict: RunRecord['verdict'];
  readonly exitCode: RunRecord['exitCode'];
  /** Of calm reads, from the intended start; null where none was taken. */
  readonly leaderNs: number | null;
  readonly followerNs: number | null;
}

export interface Trend {
  readonly branch: string;
  readonly system: string;
  readonly environment: string;
  readonly total: number;
  /** The latest, oldest first. */
  readonly runs: readonly TrendRun[];
}

/** Runs shown of each branch and system; branches shown. */
const RUNS_MAX = 40;
const TRENDS_MAX = 30;

export async function trendsOf(database: Database, branch: string, system: string): Promise<readonly Trend[]> {
  const [b, s] = [branch === '' ? null : branch, system === '' ? null : system];
  const rows = await within(
    database.clock,
    20_000,
    'the trends could not be read',
    database.sql<{ json: string }[]>`
    with lines as (
      select git_branch, system, environment, count(*) as total, max(created_at) as newest
      from tidemark.runs
      where git_branch is not null and (${b}::text is null or git_branch = ${b}) and (${s}::text is null or system = ${s})
      group by git_branch, system, environment
      order by max(created_at) desc
      limit ${TRENDS_MAX})
    select json_build_object(
      'branch', l.git_branch, 'system', l.system, 'environment', l.environment, 'total', l.total,
      'runs', (
        select json_agg(json_build_object(
          'id', r.id, 'createdAt', tidemark.iso(r.created_at), 'verdict', r.verdict, 'exitCode', r.exit_code,
          'leaderNs', (select max(p99_ns) from tidemark.histograms h where h.run = r.id and h.path = '*' and h.method = 'read'
            and h.phase = 'calm' and h.since = 'intended' and h.role = 'leader'),
          'followerNs', (select max(p99_ns) from tidemark.histograms h where h.run = r.id and h.path = '*' and h.method = 'read'
            and h.phase = 'calm' and h.since = 'intended' and h.role = 'follower')) order by r.created_at, r.id)
        from (
          select id, created_at, verdict, exit_code from tidemark.runs
          where git_branch = l.git_branch and system = l.system and environment = l.environment
          order by created_at desc, id desc limit ${RUNS_MAX}) r)
    )::text as json
    from lines l order by l.newest desc`,
  );
  return rows.map(({ json }) => {
    const trend = JSON.parse(json) as Trend;
    return { ...trend, branch: fromStoredText(trend.branch), system: fromStoredText(trend.system) };
  });
}

export function trendsPage(trends: readonly Trend[], branch: string, system: string): string {
  return page('Trends', '/trends', [
    html`<h1>Trends</h1><p class="soft">Of each branch the latest runs, oldest first: verdicts, and the 99th percentile of calm reads from the intended start. A click on a mark opens the run.</p>
<form class="filters" method="get" action="/trends"><label>branch<input type="text" name="branch" value="${branch}"></label><label>system<input type="text" name="system" value="${system}"></label><button class="plain" type="submit">Show</button> <a href="/trends">all</a></form>`,
    trends.length === 0
      ? html`<p class="notice">No run of a branch is stored: runs that are started inside a git repository have one.</p>`
      : trends.map(section),
  ]);
}

function section({ branch, system, environment, total, runs }: Trend): Markup {
  const shown =
    runs.length < total ? `the latest ${runs.length} of ${total} runs` : `${total} ${total === 1 ? 'run' : 'runs'}`;
  const marks = runs.map((run) => {
    const { id, createdAt } = run;
    const { type, word, sign } = markOf(run);
    return html`<a class="${type}" href="/runs/${id}" title="${createdAt.slice(0, 16)} ${word}" aria-label="${id}: ${word}">${sign}</a>`;
  });
  return html`<section><h3>${name(branch, 80)} · ${name(system, 40)} in ${name(environment, 20)}</h3><p class="soft">${shown}</p><p class="strip">${marks}</p>${chart(runs)}</section>`;
}

const [WIDTH, HEIGHT, LEFT, TOP] = [520, 110, 56, 8];

function chart(runs: readonly TrendRun[]): Markup | undefined {
  const values = runs.flatMap(({ leaderNs, followerNs }) => [leaderNs, followerNs]).filter((one) => one !== null);
  if (values.length === 0) return undefined;
  const most = Math.max(...values) * 1.05;
  const x = (i: number): number => LEFT + ((WIDTH - LEFT - 8) * (i + 0.5)) / runs.length;
  const y = (ns: number): number => TOP + (HEIGHT - TOP - 20) * (1 - ns / most);
  const line = (role: 'leader' | 'follower'): Markup => {
    const points = runs.flatMap((run, i) => {
      const ns = role === 'leader' ? run.leaderNs : run.followerNs;
      return ns === null
        ? []
        : [{ x: x(i).toFixed(1), y: y(ns).toFixed(1), title: `${role} ${duration(ns)}, ${run.id}` }];
    });
    const path = points.map((point, i) => `${i === 0 ? 'M' : 'L'}${point.x} ${point.y}`).join('');
    return html`<path class="${role}" d="${pathData(path)}"></path>${points.map((point) => html`<circle class="dot ${role}" cx="${point.x}" cy="${point.y}" r="2.6"><title>${point.title}</title></circle>`)}`;
  };
  const base = HEIGHT - 20;
  return html`<svg class="trend" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="p99 of calm reads, run by run"><line class="axis" x1="${LEFT}" y1="${base}" x2="${WIDTH - 8}" y2="${base}"></line>
<text x="0" y="${TOP + 8}">${duration(most)}</text><text x="0" y="${base}">0</text>${line('leader')}${line('follower')}<text x="${LEFT}" y="${HEIGHT - 4}">p99 of calm reads: leader solid, followers dashed</text></svg>`;
}
