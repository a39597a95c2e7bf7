/**
 * The report of a run as one HTML file that needs nothing else: no request, no font, no library. Its content security policy forbids all but
 * the one style and the one script that are in it, by their digests.
 */
import { createHash } from 'node:crypto';
import { SECOND } from '../../history/clock.ts';
import type { RunRecord } from '../../results/record.ts';
import { faultRows, replayLines, scheduleLines, unsupportedLines } from '../report-faults.ts';
import { reasonLines } from '../load-text.ts';
import { bailed, countedLine, failuresOf, interrupted, nodes } from '../report-text.ts';
import { painter } from '../matrix.ts';
import { count } from '../table.ts';
import { anomaliesOf, pictureKey } from './anomalies.ts';
import { answersOf, calmAnswers, ELSEWHERE, verdictSentence } from './answers.ts';
import { benchSection } from './bench-section.ts';
import { WIDTH } from './chart.ts';
import { arrowHeads, groupPicture, roleText } from './cluster-picture.ts';
import { failoverSection } from './failover-pictures.ts';
import { followerSection } from './followers.ts';
import { faultLanes, roleLanes } from './lanes.ts';
import { cut, data, html, lines, Markup, name, type Piece, prose, verbatim } from './markup.ts';
import { matrixTables } from './matrix-table.ts';
import { type Cluster, clusterOf, LINK_STATES, type Moment, type NodeRole } from './moments.ts';
import { planSection } from './plan-section.ts';
import { script } from './script.ts';
import { style } from './style.ts';
import { type TimeChart, timeCharts, timeFrame } from './time-charts.ts';

const SIGNS = { kept: '✓', broken: '✗', undecided: '?' } as const;

export function htmlReport(record: RunRecord): string {
  const cluster = clusterOf(record);
  const charts = timeCharts(record);
  const anomalies = anomaliesOf(record);
  const measured = benchSection(record);
  const startAt = anOutage(record, cluster) ?? record.virtualNs / 2;
  const sections: readonly (Section | undefined)[] = [
    { id: 'promises', title: 'Promises and findings', body: matrixTables(record.cells, anomalies.links) },
    anomalies.broken && { id: 'broken', title: 'Broken promises', body: html`${pictureKey}${anomalies.broken}` },
    measured !== undefined ? { id: 'measured', title: 'What was measured', body: measured } : undefined,
    { id: 'cluster', title: 'The cluster over time', body: clusterSection(record, cluster, startAt) },
    { id: 'failovers', title: 'Failovers', body: failoverSection(record, cluster) },
    record.latencies.length > 0 || record.staleness.length > 0
      ? { id: 'followers', title: 'Leader and followers', body: followerSection(record) }
      : undefined,
    charts.length === 0
      ? undefined
      : {
          id: 'over-time',
          title: 'Over time',
          body: html`<p class="soft">Grey: a fault in force. Dotted: a failover begins.</p>${charts.map(({ figure }) => figure)}`,
        },
    { id: 'faults', title: 'Faults', body: faultSection(record) },
    anomalies.suspended && {
      id: 'suspended',
      title: 'Suspended promises',
      body: html`<p class="soft">A fault of this plan goes beyond what the system assumes where it promises these: no failure.</p>${anomalies.suspended}`,
    },
    anomalies.findings && {
      id: 'findings',
      title: 'Findings',
      body: html`<p class="soft">Not promised, so no failure.</p>${anomalies.broken === undefined && pictureKey}${anomalies.findings}`,
    },
    { id: 'plan', title: 'Plan, and how to run it again', body: planSection(record) },
  ];
  const some = bounded(sections.flatMap((section) => section ?? []));
  return documentOf(`${failuresOf(record).length > 0 ? 'failed' : record.verdict}: run ${record.id}`, [
    head(record, some),
    html`<main>${arrowHeads}${some.map(({ id, title, body }) => html`<section id="${id}"><h2>${title}</h2>${body}</section>`)}
<footer>Tidemark ${record.versions['tidemark'] ?? ''}. Everything that this page shows is in it; it asks nobody for anything.</footer></main>`,
    data('run-data', dataOf(record, cluster, charts, startAt)),
  ]);
}

/** What the page may weigh, its head, style, script and data apart. */
const BYTES_MAX = 700_000;
/** Never left out. */
const NEEDED = new Set(['promises', 'plan']);

/** Below 1 MB whatever happened in the run: the heaviest parts give way. */
function bounded(sections: readonly Section[]): readonly Section[] {
  const weights = new Map(sections.map((section) => [section.id, Buffer.byteLength(section.body.text)]));
  const dropped = new Set<string>();
  const total = (): number => [...weights].reduce((sum, [id, bytes]) => sum + (dropped.has(id) ? 0 : bytes), 0);
  const heaviest = [...weights].filter(([id]) => !NEEDED.has(id)).sort((a, b) => b[1] - a[1]);
  for (const [id] of heaviest) if (total() > BYTES_MAX) dropped.add(id);
  const instead = html`<p>Left out, for this page would be too large with it: <code>tidemark show --json</code> has it all.</p>`;
  return sections.map((section) => (dropped.has(section.id) ? { ...section, body: instead } : section));
}

interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Markup;
}

/** A whole document around what is given. */
export function documentOf(title: string, body: readonly Piece[], withScript = true): string {
  const digest = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = `default-src 'none'; style-src ${digest(style)}; script-src ${withScript ? digest(script) : "'none'"}; base-uri 'none'; form-action 'none'`;
  // Digests are base64: nothing in the policy needs escaping, and its quotes must stay.
  const head = new Markup(`<meta http-equiv="Content-Security-Policy" content="${policy}">`);
  const page = html`<html lang="en"><head><meta charset="utf-8">${head}
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer"><title>${title}</title>
${verbatim('style', style)}</head><body>
${body}
${withScript && verbatim('script', script)}</body></html>
`;
  return `<!doctype html>\n${page.text}`;
}

function head(record: RunRecord, sections: readonly Section[]): Markup {
  const { verdict, counts, plan } = record;
  const failures = failuresOf(record);
  const isFailed = failures.length > 0;
  const done = (counts['ok'] ?? 0) + (counts['mismatch'] ?? 0);
  const workloads = Array.isArray(plan['workloads']) ? plan['workloads'].join(', ') : '';
  const labels = Object.entries(record.labels)
    .slice(0, 20)
    .map(([key, of]) => html` <span class="label">${name(`${key}=${of}`, 80)}</span>`);
  const alerts = [
    ...bailed(record),
    ...(interrupted(record) ? ['INTERRUPTED: what follows speaks of the part that was run'] : []),
    ...failures.slice(0, 10),
    ...((counts['harness failures'] ?? 0) > failures.length
      ? [`${count(counts['harness failures'])} harness failures: see the terminal's output`]
      : []),
  ];
  const answers = answersOf(record).map(({ question, answer, more, elsewhere, section }) => {
    const isCommand = section === 'plan';
    const text = isCommand
      ? html`<code class="command">${cut(answer, 2000)}</code>`
      : html`<p>${prose(answer, 400)}</p>`;
    const there = sections.some(({ id }) => id === section);
    return html`<dt>${there ? html`<a href="#${section}">${question}</a>` : question}</dt><dd>${text}${elsewhere !== undefined && html`<p class="more">${ELSEWHERE}</p><code class="command">${cut(elsewhere, 2000)}</code>`}${more.map((line) => html`<p class="more">${prose(line, 300)}</p>`)}</dd>`;
  });
  return html`<header><p class="product">Tidemark · run ${record.id}</p>
<div class="verdict ${isFailed ? 'failed' : verdict}"><span class="sign" aria-hidden="true">${isFailed ? '!' : SIGNS[verdict]}</span><div><h1>${isFailed ? 'FAILED' : verdict.toUpperCase()}</h1><p>${verdictSentence(record)}</p></div></div>
<p class="facts">${name(record.system, 40)} in ${name(record.environment, 40)}, ${nodes(plan)}, seed ${record.seed}; ${name(workloads, 200)}. ${count(done)} operations completed, ${count(counts['refused'] ?? 0)} refused, ${count(counts['info'] ?? 0)} of unknown outcome, ${count(counts['shed'] ?? 0)} shed, in ${(record.virtualNs / SECOND).toFixed(1)} s of the cluster’s time (${(record.wallMs / 1000).toFixed(1)} s here). ${record.createdAt.slice(0, 19).replace('T', ' ')} UTC.${labels}</p>
${alerts.map((line) => html`<p class="alert">${prose(line)}</p>`)}
<dl class="answers">${answers}</dl>
<nav>${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav></header>`;
}

/** In the middle of a failover: the first of which the picture shows the leader that fell. */
function anOutage({ failovers }: RunRecord, cluster: Cluster | undefined): number | undefined {
  const moments = failovers.slice(0, 50).map(({ start, electedNs = 0 }) => start + electedNs / 2);
  const shows = (at: number): boolean =>
    cluster?.at(at).groups.some(({ nodes }) => nodes.some(({ isFallen }) => isFallen)) === true;
  return moments.find(shows) ?? moments[0];
}

function clusterSection(record: RunRecord, cluster: Cluster | undefined, startAt: number): Markup {
  if (cluster === undefined)
    return html`<p>Nobody in this run said who led: the system tells nothing of itself.</p>${faultLanes(record)}`;
  const moment = cluster.at(startAt);
  const pictures = cluster.groups.map((group, i) => groupPicture(cluster, moment.groups[i], group));
  const inForce = moment.faults.length === 0 ? 'no fault in force' : `in force: ${moment.faults.join(', ')}`;
  return html`<div class="controls"><button id="previous-failover" type="button">‹ failover</button><button id="previous-change" type="button">‹ change</button><input id="time" type="range" min="0" step="1" aria-label="moment of the run"><button id="next-change" type="button">change ›</button><button id="next-failover" type="button">failover ›</button></div>
<div class="stage" id="stage">${pictures}<div class="words" aria-live="polite"><p class="clock" id="clock">${(startAt / SECOND).toFixed(2)} s</p><p id="led">${leadersAt(cluster, moment)}</p><p id="in-force">${inForce}</p><p class="soft">Filled: the leader. Arrows: replication; dotted where a fault slows the link. Crossed out: a leader that fell. ✕: a link that is cut.</p></div></div>
${roleLanes(record)}${faultLanes(record)}`;
}

function leadersAt(cluster: Cluster, { groups }: Moment): string {
  const leaders = groups[0].nodes.flatMap(({ role, term, isFallen }, i) =>
    role === 'leader'
      ? [`${cluster.nodes[i]} ${isFallen ? 'still says that it leads,' : 'leads'} in term ${term}`]
      : [],
  );
  return leaders.length === 0 ? 'nobody leads' : leaders.join('; ');
}

function faultSection(record: RunRecord): Markup {
  const rows = faultRows(record)
    .slice(0, FAULTS_MAX)
    .map(
      ({ fault, times, effect, warnings }) =>
        html`<tr><th>${name(fault, 60)}</th><td class="n">${times}</td><td>${prose(effect)}${warnings.length > 0 && html` <b class="state violated">${warnings.join('; ')}</b>`}</td></tr>`,
    );
  const plain = painter(false);
  const further = [...unsupportedLines(record), ...replayLines(record, plain)];
  const schedule = scheduleLines(record, plain);
  const table =
    rows.length === 0
      ? html`<p>No faults were planned.</p>`
      : html`<div class="scroll"><table class="figures"><thead><tr><th>fault</th><th class="n">times</th><th>effect</th></tr></thead><tbody>${rows}</tbody></table></div>`;
  return html`${table}${
    schedule.length > 0 && html`<h3>Schedule</h3><pre>${lines(schedule.join('\n'))}</pre>`
  }${further.map((line) => html`<p class="soft">${prose(line)}</p>`)}${[...countedLine(record.counts), ...reasonLines(record.counts), ...calmAnswers(record)].map((line) => html`<p class="soft">${prose(line, 2000)}</p>`)}`;
}

const FAULTS_MAX = 100;

const ROLES: readonly NodeRole[] = ['leader', 'follower', 'candidate', 'learner', 'down', 'silent', 'unknown'];

function dataOf(
  record: RunRecord,
  cluster: Cluster | undefined,
  charts: readonly TimeChart[],
  startAt: number,
): unknown {
  const frame = (size: 'wide' | 'narrow'): unknown => {
    const { left, right } = timeFrame(size, 0);
    return { left, right, width: WIDTH[size] };
  };
  return {
    endNs: record.virtualNs,
    startAt,
    frames: { wide: frame('wide'), narrow: frame('narrow') },
    charts: charts.map(({ readout }) => readout),
    failovers: record.failovers.map(({ start }) => start).sort((a, b) => a - b),
    ...(cluster !== undefined && { cluster: clusterData(cluster) }),
  };
}

function clusterData(cluster: Cluster): unknown {
  const faults: string[] = [];
  const hurts: string[] = [''];
  const numbered = (text: string, list: string[]): number => {
    const short = text.slice(0, 60);
    const known = list.indexOf(short);
    return known >= 0 ? known : list.push(short) - 1;
  };
  const moments = cluster.changes.map((at) => {
    const moment = cluster.at(at);
    const groups = moment.groups.map(({ nodes, links }) => [
      nodes.map(({ role, term, isFallen, hurt }) => [
        ROLES.indexOf(role),
        term ?? null,
        isFallen ? 1 : 0,
        numbered(hurt, hurts),
      ]),
      links.map((state) => LINK_STATES.indexOf(state)).join(''),
    ]);
    return [at, moment.faults.map((fault) => numbered(fault, faults)), groups];
  });
  return {
    nodes: cluster.nodes.map((node) => node.slice(0, 40)),
    roles: ROLES,
    roleTexts: ROLES.map(roleText),
    links: LINK_STATES,
    faults,
    hurts,
    moments,
  };
}
