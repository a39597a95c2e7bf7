/** Which node is slow, and which is behind: its reads as leader and as follower, and how stale what it answered was. */
import { decodeHistogram, type Histogram, percentileNs } from '../../results/histograms.ts';
import type { LatencyRecord, RunRecord } from '../../results/record.ts';
import { count, duration, percent } from '../table.ts';
import { html, type Markup, name } from './markup.ts';

type Of = Pick<LatencyRecord, 'role' | 'phase'>;

/** Nothing where fewer than two nodes answered: then it is what all reads are. */
export function nodeTable(record: RunRecord): Markup | undefined {
  const reads = (record.nodeLatencies ?? []).filter(({ method, since }) => method === 'read' && since === 'intended');
  const nodes = [...new Set(reads.map(({ node }) => node))].sort((a, b) => a.length - b.length || (a < b ? -1 : 1)); // n2 before n10
  if (nodes.length < 2) return undefined;
  const hasFaults = reads.some(({ phase }) => phase === 'faults');
  const columns: readonly Of[] = (['calm', ...(hasFaults ? ['faults'] : [])] as const).flatMap((phase) => [
    { role: 'leader', phase },
    { role: 'follower', phase },
  ]);
  const body = nodes.map((node) => {
    const own = reads.filter((one) => one.node === node);
    const cells = columns.map(({ role, phase }) => {
      const all = merged(own.filter((one) => one.role === role && one.phase === phase));
      if (all === undefined) return html`<td class="n">–</td><td class="n">–</td><td class="n">–</td>`;
      const { histogram, n } = all;
      return html`<td class="n">${count(n)}</td><td class="n">${duration(percentileNs(histogram, 50))}</td><td class="n">${duration(percentileNs(histogram, 99))}</td>`;
    });
    return html`<tr><th>${name(node, 40)}</th>${cells}${staleCells(record, node)}</tr>`;
  });
  const groups = columns.map(
    ({ role, phase }) => html`<th class="n" colspan="3">as ${role}, ${phase === 'calm' ? 'calm' : 'under faults'}</th>`,
  );
  const heads = columns.map(() => html`<th class="n">reads</th><th class="n">p50</th><th class="n">p99</th>`);
  return html`<h3>Node by node</h3><div class="scroll"><table class="figures"><thead><tr><th></th>${groups}<th class="n" colspan="2">in all</th></tr><tr><th>node</th>${heads}<th class="n">stale</th><th class="n">age p99 ≥</th></tr></thead><tbody>${body}</tbody></table></div>
<p class="soft">Reads of all paths that this node answered, from their intended start.</p>`;
}

function merged(some: readonly LatencyRecord[]): { readonly histogram: Histogram; readonly n: number } | undefined {
  const [first, ...others] = some.map(({ histogram }) => decodeHistogram(histogram));
  if (first === undefined) return undefined;
  for (const other of others) first.add(other);
  return { histogram: first, n: some.reduce((sum, one) => sum + one.count, 0) };
}

/** The age is that of the path whose answers from this node were oldest. */
function staleCells({ curves = [] }: RunRecord, node: string): Markup {
  const own = curves.filter((one) => one.node === node);
  const reads = own.reduce((sum, one) => sum + one.reads, 0);
  const stale = own.reduce((sum, one) => sum + one.stale, 0);
  const age = Math.max(0, ...own.map(({ low }) => low.p99));
  return html`<td class="n">${reads === 0 ? '–' : percent(stale, reads)}</td><td class="n">${age === 0 ? '–' : duration(age)}</td>`;
}
