/** What a bench measured: each path at each rate, the highest rates that held, and latency against the rate. */
import type { RunRecord } from '../../results/record.ts';
import type { BenchResult, Step } from '../bench/plan.ts';
import { ladderTable, measured, rateTable, remark, type Table } from '../bench/text.ts';
import { count } from '../table.ts';
import { columns, drawn, durationTick, type Frame, legend, line, logarithmic, rows, WIDTH } from './chart.ts';
import { html, type Markup, name, prose } from './markup.ts';
import { folded, plain, tableOf } from './markdown-parts.ts';

const LINES_MAX = 6;

function tablesOf(bench: BenchResult): readonly Table[] {
  return [rateTable(bench), ladderTable(bench)].flatMap((one) => one ?? []);
}

export function benchSection(record: RunRecord): Markup | undefined {
  const bench = measured(record);
  if (bench === undefined) return undefined;
  const tables = tablesOf(bench).map(
    ({ title, head, right, rows: all, notes }) =>
      html`<p><b>${title}</b></p><div class="scroll"><table class="figures"><thead><tr>${head.map((text, i) => html`<th class="${right.includes(i) ? 'n' : ''}">${text}</th>`)}</tr></thead><tbody>${all.map((row) => html`<tr>${row.map((text, i) => html`<td class="${right.includes(i) ? 'n' : ''}">${name(text, 200)}</td>`)}</tr>`)}</tbody></table></div>${notes.map((note) => html`<p class="soft">${prose(note)}</p>`)}`,
  );
  return html`${tables}${chart(bench)}<p class="soft">${prose(remark(bench))}</p>`;
}

export function benchMarkdown(record: RunRecord): string {
  const bench = measured(record);
  if (bench === undefined) return '';
  const parts = tablesOf(bench).map(({ title, head, right, rows: all, notes }) =>
    [
      plain(title),
      tableOf(
        head,
        all.map((row) => row.map((text) => plain(text))),
        right,
      ),
      ...notes.map((note) => plain(note)),
    ].join('\n\n'),
  );
  return folded('What was measured', [...parts, plain(remark(bench))].join('\n\n'));
}

interface Curve {
  readonly label: string;
  /** Rate, and p99 of the reads in nanoseconds. */
  readonly points: readonly (readonly [number, number])[];
}

function curvesOf({ steps, targets }: BenchResult): readonly Curve[] {
  return targets.slice(0, LINES_MAX).flatMap((target): Curve[] => {
    const byRate = new Map<number, number[]>();
    for (const step of steps) {
      const own = readsOf(step, target);
      if (own !== undefined) byRate.set(step.rate, [...(byRate.get(step.rate) ?? []), own]);
    }
    const points = [...byRate]
      .sort(([a], [b]) => a - b)
      .map(([rate, values]) => [rate, values.toSorted((a, b) => a - b)[values.length >> 1]] as const);
    return points.length < 2 ? [] : [{ label: target, points }];
  });
}

function readsOf({ series, target }: Step, path: string): number | undefined {
  if (target !== undefined && target !== path) return undefined;
  return series.find((one) => one.method === 'read' && one.path === path)?.p99Ns;
}

function chart(bench: BenchResult): Markup | undefined {
  const curves = curvesOf(bench);
  if (curves.length === 0) return undefined;
  const all = curves.flatMap(({ points }) => points);
  const rates = all.map(([rate]) => rate);
  const latencies = all.map(([, ns]) => ns);
  const picture = drawn('p99 of reads against the rate that was offered', (size) => {
    const frame: Frame = { size, width: WIDTH[size], height: 270, left: 58, right: 16, top: 10, bottom: 40 };
    const tick = (rate: number): string => `${count(rate)}/s`;
    const x = logarithmic(Math.min(...rates), Math.max(...rates), frame.left, frame.width - frame.right, tick);
    const y = logarithmic(
      Math.min(...latencies),
      Math.max(...latencies),
      frame.height - frame.bottom,
      frame.top,
      durationTick,
    );
    const lines = curves.map(({ points }, i) =>
      line(
        points.map(([rate, ns]) => [x.place(rate), y.place(ns)] as const),
        `s${i}`,
      ),
    );
    return { height: frame.height, parts: [rows(frame, y), columns(frame, x, 'offered'), lines] };
  });
  return html`<figure><figcaption><b>Reads: p99 against the rate</b> <span>from the intended start; of repeats the median</span></figcaption>${legend(curves.map(({ label }, i) => ({ label, type: `s${i}` })))}${picture}</figure>`;
}
