/** The list of runs: search, filters, those in progress, and two of them to compare. */
import type { RunFilter, RunSummary } from '../../results/summary.ts';
import { markOf } from '../report/mark.ts';
import { html, type Markup, name } from '../report/markup.ts';
import { count } from '../table.ts';
import { page } from './page.ts';

export const PAGE_SIZE = 50;
const verdicts = ['kept', 'broken', 'undecided'] as const;

/** What the address asks for. */
export interface Asked {
  readonly search: string;
  readonly system: string;
  readonly environment: string;
  readonly branch: string;
  /** Empty where it is none that runs have. */
  readonly verdict: (typeof verdicts)[number] | '';
  readonly label: string;
  /** From 1. */
  readonly page: number;
}

export function askedFor(query: (name: string) => string | undefined): Asked {
  const text = (field: string): string => (query(field) ?? '').slice(0, 200);
  const number = Number(query('page') ?? 1);
  return {
    search: text('search'),
    system: text('system'),
    environment: text('environment'),
    branch: text('branch'),
    verdict: verdicts.find((one) => one === query('verdict')) ?? '',
    label: text('label'),
    page: Number.isInteger(number) && number >= 1 && number <= 100_000 ? number : 1,
  };
}

/** One more than fits, to see whether there is another page. */
export function filterOf({ search, system, environment, branch, verdict, label, page: number }: Asked): RunFilter {
  return {
    ...(search !== '' && { search }),
    ...(system !== '' && { system }),
    ...(environment !== '' && { environment }),
    ...(branch !== '' && { branch }),
    ...(label !== '' && { label }),
    ...(verdict !== '' && { verdict }),
    skip: (number - 1) * PAGE_SIZE,
    limit: PAGE_SIZE + 1,
  };
}

/** What can be chosen, as far as runs have it. */
export interface Choices {
  readonly systems: readonly string[];
  readonly environments: readonly string[];
  readonly branches: readonly string[];
}

export function listPage(
  asked: Asked,
  found: readonly RunSummary[],
  running: readonly string[],
  choices: Choices,
): string {
  const runs = found.slice(0, PAGE_SIZE);
  const more = found.length > PAGE_SIZE;
  const isFiltered = Object.entries(asked).some(([field, value]) => field !== 'page' && value !== '');
  return page('Runs', '/', [
    html`<h1>Runs</h1>`,
    running.map((id) => html`<p class="running">In progress: <a href="/live/${id}">${id}</a></p>`),
    filters(asked, choices),
    runs.length === 0
      ? html`<p class="notice">${isFiltered ? 'No run is like that.' : 'There are no stored runs yet: tidemark run makes one.'}</p>`
      : table(runs),
    html`<p>${asked.page > 1 && html`<a rel="prev" href="${address(asked, asked.page - 1)}">‹ newer</a> `}${more && html`<a rel="next" href="${address(asked, asked.page + 1)}">older ›</a>`}</p>`,
  ]);
}

function address(asked: Asked, number: number): string {
  const query = new URLSearchParams({ page: String(number) });
  for (const [field, value] of Object.entries(asked))
    if (field !== 'page' && value !== '') query.set(field, String(value));
  return `/?${query.toString()}`;
}

function filters(asked: Asked, { systems, environments, branches }: Choices): Markup {
  const select = (field: 'system' | 'environment' | 'branch' | 'verdict', values: readonly string[]): Markup => {
    const all = values.includes(asked[field]) || asked[field] === '' ? values : [asked[field], ...values];
    const options = all.map((value) =>
      value === asked[field]
        ? html`<option value="${value}" selected>${value}</option>`
        : html`<option value="${value}">${value}</option>`,
    );
    return html`<label>${field}<select name="${field}"><option value="">any</option>${options}</select></label>`;
  };
  return html`<form class="filters" method="get" action="/" role="search">
<label>search<input type="search" name="search" value="${asked.search}" placeholder="id, fault, workload, label, commit …"></label>
${select('system', systems)}${select('environment', environments)}${select('branch', branches)}${select('verdict', verdicts)}
<label>label<input type="text" name="label" value="${asked.label}" size="12"></label>
<button class="plain" type="submit">Show</button> <a href="/">all</a></form>`;
}

/** What a run is known by comes first; on a phone each row is a block of its own. */
function table(runs: readonly RunSummary[]): Markup {
  return html`<form method="get" action="/compare"><div class="scroll"><table class="runs"><thead><tr>
<th><span class="heard">compare</span>A B</th><th>verdict</th><th>run, when (UTC)</th><th>system</th><th>workloads</th><th>faults</th><th class="n">seed</th><th class="n">operations</th><th>branch, labels</th></tr></thead>
<tbody>${runs.map(row)}</tbody></table></div><p><button class="plain" type="submit">Compare A with B</button></p></form>`;
}

function row(run: RunSummary): Markup {
  const labels = Object.entries(run.labels).slice(0, 12);
  const faults = run.faults.length > 3 ? [run.faults[0], `and ${run.faults.length - 1} more`] : run.faults;
  const pick = (side: 'a' | 'b'): Markup =>
    html`<label><input type="radio" name="${side}" value="${run.id}" aria-label="${side.toUpperCase()}: ${run.id}"><span class="side" aria-hidden="true"> ${side.toUpperCase()}</span></label>`;
  const mark = markOf(run);
  const branch =
    run.branch === undefined && run.revision === undefined
      ? undefined
      : html`<span class="branch">${run.branch !== undefined && name(run.branch, 40)} <span class="soft">${(run.revision ?? '').slice(0, 8)}</span></span> `;
  return html`<tr><td class="pick">${pick('a')} ${pick('b')}</td>
<td class="judged"><span class="mark ${mark.type}">${mark.sign} ${mark.word}</span></td>
<td class="run"><a href="/runs/${run.id}">${run.id}</a><br><span class="soft">${run.createdAt.slice(0, 16).replace('T', ' ')}</span></td>
<td>${name(run.system, 30)} <span class="soft">${name(run.environment, 20)}</span></td>
<td data-head="workloads">${name(run.workloads.join(', '), 60)}</td><td data-head="faults">${name(faults.join(' ') || 'none', 60)}</td><td class="n" data-head="seed">${run.seed}</td><td class="n" data-head="operations">${count(run.operations)}</td>
<td class="labels">${branch}${labels.map(([key, value]) => html`<span class="label">${name(`${key}=${value}`, 60)}</span>`)}</td></tr>`;
}
