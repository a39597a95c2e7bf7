/** A run in progress: what was known when the page was asked for, and a script that goes on. */
import { html, name } from '../report/markup.ts';
import { count } from '../table.ts';
import type { Standing } from './live.ts';
import { page } from './page.ts';
import type { LiveState } from './source.ts';

/** Of a run with a name that is one. */
export function stateText(id: string, state: LiveState): string {
  if (state === 'running') return 'In progress.';
  if (state === 'ended') return 'It has ended.';
  return `Nothing has been written of it for more than a minute: it was killed, or it waits. Its journal can be judged: tidemark check .tidemark/runs/${id}/journal.jsonl.`;
}

export function livePage(id: string, standing: Standing, state: LiveState): string {
  const ended = state === 'ended';
  const { phase, seconds, counts, faults, nodes, trouble } = standing;
  const body = html`<section data-run="${id}"><h1>Run ${id}</h1>
<p class="notice"><span id="state" role="status">${stateText(id, state)}</span> ${ended ? html`<a id="report" href="/runs/${id}">Its report</a>` : html`<a id="report" href="/runs/${id}" hidden>Its report</a>`}</p>
<div class="tiles"><div><b id="phase">${name(phase, 60)}</b><span>phase</span></div><div><b id="seconds">${seconds.toFixed(1)} s</b><span>of the cluster’s time</span></div>
<div><b id="ok">${count(counts.ok)}</b><span>ok</span></div><div><b id="fail">${count(counts.fail)}</b><span>failed</span></div><div><b id="info">${count(counts.info)}</b><span>of unknown outcome</span></div></div>
<p>Faults in force: <b id="faults">${faults.length === 0 ? 'none' : name(faults.join(', '), 400)}</b></p>
<h2>Operations a second</h2><p class="soft"><span id="most"></span>; blue: ok, red: all others; the last two minutes of the cluster’s time.</p><svg class="rates" id="rates" viewBox="0 0 1000 150" preserveAspectRatio="none" role="img" aria-label="operations a second"></svg>
<h2>Nodes, as they say themselves</h2><div class="scroll"><table class="figures"><thead><tr><th>node</th><th>role</th><th>term</th></tr></thead><tbody id="nodes">${nodes.map((one) => html`<tr><td>${name(one.node, 60)}</td><td>${name(one.role, 60)}</td><td>${name(one.term, 60)}</td></tr>`)}</tbody></table></div>
<p class="alert" id="trouble">${name(trouble, 200)}</p></section>`;
  return page(`Run ${id}`, undefined, [body], ended ? [] : ['/assets/live.js']);
}
