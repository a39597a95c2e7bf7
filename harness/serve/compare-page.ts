/** Two runs, or two groups of them, beside each other. */
import { certaintyOf, type Comparison } from '../../results/change.ts';
import type { Compared } from '../../results/compare.ts';
import { measureName } from '../../results/measures.ts';
import { changeText, valueText } from '../compare/text.ts';
import { html, type Markup, name } from '../report/markup.ts';
import { duration, percent } from '../table.ts';
import { page } from './page.ts';

export interface Chosen {
  readonly a: string;
  readonly b: string;
  /** Whose latencies are compared. */
  readonly phase: string;
  readonly phases: readonly string[];
}

export function comparePage({ a, b, phase, phases }: Chosen, compared: Compared | undefined, trouble: string): string {
  const options = phases.map((one) =>
    one === phase
      ? html`<option value="${one}" selected>${one}</option>`
      : html`<option value="${one}">${one}</option>`,
  );
  return page('Compare', undefined, [
    html`<h1>Compare</h1>
<form class="filters" method="get" action="/compare"><label>A<input type="text" name="a" value="${a}" size="30"></label><label>B<input type="text" name="b" value="${b}" size="30"></label>${phases.length > 0 && html`<label>latencies while<select name="phase">${options}</select></label>`}<button class="plain" type="submit">Compare</button></form>`,
    trouble !== '' && html`<p class="notice">${trouble}</p>`,
    compared !== undefined && sections(compared, phase),
  ]);
}

function sections(compared: Compared, phase: string): readonly (Markup | false)[] {
  const { a, b, unlike, caveats, verdicts, unchanged, figures, staleness, failovers, onlyA, onlyB } = compared;
  return [
    html`<p>A: ${links(a)}<br>B: ${links(b)}</p>`,
    caveats.length > 0 &&
      html`<div class="notice"><ul>${caveats.map((one) => html`<li>${name(one, 300)}</li>`)}</ul></div>`,
    unlike.length > 0 &&
      html`<div class="notice"><p>They are not alike in more than what is compared:</p><ul>${unlike.map((one) => html`<li>${name(one, 300)}</li>`)}</ul></div>`,
    html`<h2>Verdicts</h2>${
      verdicts.length === 0
        ? html`<p>No verdict changed (${unchanged} promises and findings).</p>`
        : html`<p class="soft">${unchanged} did not change.</p><div class="scroll"><table class="figures"><thead><tr><th>promise</th><th>A</th><th>B</th></tr></thead><tbody>${verdicts.map(
            (one) =>
              html`<tr><th>${name(one.promise, 120)}</th><td class="state ${one.a ?? ''}">${one.a ?? 'not judged'}</td><td class="state ${one.b ?? ''}">${one.b ?? 'not judged'}</td></tr>`,
          )}</tbody></table></div>`
    }`,
    html`<h2>Latency and throughput, ${phase === 'calm' || phase === 'faults' ? phase : `under ${phase}`}</h2>${figures.length === 0 ? html`<p>There is nothing that both have.</p>` : figureTable(figures)}
${onlyA.length > 0 && html`<p class="soft">Only in A: ${name(onlyA.join(', '), 600)}.</p>`}${onlyB.length > 0 && html`<p class="soft">Only in B: ${name(onlyB.join(', '), 600)}.</p>`}`,
    staleness.length > 0 &&
      html`<h2>Stale reads</h2><div class="scroll"><table class="figures"><thead><tr><th>write path</th><th>read path</th><th class="n">A</th><th class="n">B</th></tr></thead><tbody>${staleness.map(
        (one) =>
          html`<tr><td>${name(one.writePath, 60)}</td><td>${name(one.readPath, 60)}</td><td class="n">${percent(one.a.stale, one.a.reads)}</td><td class="n">${percent(one.b.stale, one.b.reads)}</td></tr>`,
      )}</tbody></table></div>`,
    html`<h2>Failovers</h2><p>A: ${failoverText(failovers.a)}. B: ${failoverText(failovers.b)}.</p>`,
  ];
}

function links(ids: readonly string[]): readonly Markup[] {
  const shown = ids.slice(0, 20).map((id, i) => html`${i > 0 && ', '}<a href="/runs/${id}">${id}</a>`);
  return ids.length > 20 ? [...shown, html` and ${ids.length - 20} more`] : shown;
}

/** What differs beyond chance comes first. */
function figureTable(figures: readonly Comparison[]): Markup {
  const differs = (one: Comparison): boolean => certaintyOf(one) === 'differs';
  const sorted = [...figures.filter(differs), ...figures.filter((one) => !differs(one))];
  const rows = sorted.map(
    (one) =>
      html`<tr><th>${name(measureName(one.measure), 120)}</th><td class="n">${valueText(one.measure, one.a)}</td><td class="n">${valueText(one.measure, one.b)}</td><td class="n">${changeText(one.change.estimate)}</td><td class="n">${changeText(one.change.low)} … ${changeText(one.change.high)}</td><td>${differs(one) ? html`<b>differs</b>` : certaintyOf(one)}</td></tr>`,
  );
  const few = figures.some(({ basis }) => basis === 'operations');
  return html`<div class="scroll"><table class="figures"><thead><tr><th>measure</th><th class="n">A</th><th class="n">B</th><th class="n">change</th><th class="n">95 % interval</th><th></th></tr></thead><tbody>${rows}</tbody></table></div>
${few && html`<p class="soft">With fewer than four runs a side the interval is of what differs between operations of a run, not from run to run: it is narrower than the truth.</p>`}`;
}

function failoverText({ count, electedNs, firstWriteNs }: Compared['failovers']['a']): string {
  const elected = electedNs === undefined ? '' : `, elected after ${duration(electedNs)}`;
  return `${count}${elected}${firstWriteNs === undefined ? '' : `, first write after ${duration(firstWriteNs)}`}${count > 1 ? ' (medians)' : ''}`;
}
