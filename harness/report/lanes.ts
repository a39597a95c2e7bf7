/** Who led, who was down, who was cut off, and which faults were in force: lanes over the time of the run. */
import type { PullRecord, RunRecord, StandingRecord } from '../../results/record.ts';
import { drawn, columns, type Frame, legend, momentText, round, type Scale } from './chart.ts';
import { cut, html, type Markup, pathData } from './markup.ts';
import { failoverLines, timeFrame, timeOf } from './time-charts.ts';

const LANE = 26;
const FAULT_LANE = 17;
const GROUPS_MAX = 4;
const KINDS_MAX = 60;
/** Bars narrower than this are drawn together with their neighbours. */
const NARROW = 0.6;

export function roleLanes(record: RunRecord): Markup {
  const { standings = [] } = record;
  if (standings.length === 0) return html``;
  const groups = [...new Set(standings.map(({ group }) => group))];
  const shown = groups.slice(0, GROUPS_MAX);
  const lanes = shown.flatMap((group) => nodesOf(standings, group).map((node) => ({ group, node })));
  const picture = drawn('Who led, in which term, who was down, who was cut off', (size) => {
    const frame = timeFrame(size, 30 + lanes.length * LANE + 24);
    const x = timeOf(frame, record.virtualNs);
    const inner = { ...frame, top: 26 };
    return {
      height: frame.height,
      parts: [
        columns(inner, x),
        failoverLines(record, inner, x),
        failoverMarks(record, inner, x),
        lanes.map(({ group, node }, lane) => {
          const y = 30 + lane * LANE;
          const label = groups.length > 1 ? `${group} ${node}` : node;
          return html`<text class="tick end" x="${frame.left - 8}" y="${y + 16}">${cut(label, size === 'wide' ? 18 : 7)}</text>${standingBars(
            standings.filter((one) => one.group === group && one.node === node),
            x,
            y,
          )}${cutMarks(record.pulls ?? [], node, x, y + LANE - 5)}`;
        }),
        html`<path class="cursor" d="M0 26V${frame.height - frame.bottom}"/>`,
      ],
    };
  });
  const more = groups.length > shown.length ? ` (${shown.length} of ${groups.length} replication groups)` : '';
  return html`<figure class="over-time" data-lanes="roles">
<figcaption><b>Who led, in which term</b> <span>▼ a failover, numbered as below${more}</span></figcaption>
${legend([
  { label: 'leader', type: 'is-leader', mark: 'box' },
  { label: 'follower', type: 'is-follower', mark: 'box' },
  { label: 'candidate', type: 'is-candidate', mark: 'box' },
  { label: 'down', type: 'is-down', mark: 'box' },
  { label: 'no answer', type: 'is-silent', mark: 'box' },
  { label: 'links cut', type: 'is-cut' },
])}${picture}</figure>`;
}

function nodesOf(standings: readonly StandingRecord[], group: string): readonly string[] {
  const nodes = new Set(standings.filter((one) => one.group === group).map(({ node }) => node));
  return [...nodes].sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).slice(0, 9);
}

function standingBars(standings: readonly StandingRecord[], { place }: Scale, y: number): Markup {
  const narrow = new Map<string, string>();
  const bars = standings.map(({ role, term, from, until }) => {
    const [left, right] = [round(place(from)), round(place(until))];
    const height = role === 'leader' ? 18 : role === 'candidate' ? 12 : 6;
    const top = y + 12 - height / 2;
    if (right - left < NARROW) {
      narrow.set(role, `${narrow.get(role) ?? ''}M${left} ${top}h.6v${height}h-.6z`);
      return undefined;
    }
    const shape = html`<rect class="is-${role}" x="${left}" y="${top}" width="${round(right - left)}" height="${height}"/>`;
    const text = String(term ?? '');
    const fits = role === 'leader' && right - left > text.length * 7 + 6;
    return html`${shape}${fits && html`<text class="term middle" x="${round((left + right) / 2)}" y="${y + 16}">${text}</text>`}`;
  });
  const slivers = [...narrow].map(([role, d]) => html`<path class="is-${role}" d="${pathData(d)}"/>`);
  return html`${bars}${slivers}`;
}

/** A line below the bars of a node where links of its were cut. */
function cutMarks(pulls: readonly PullRecord[], node: string, { place }: Scale, y: number): Markup {
  const d = pulls
    .filter(({ lever, links, nodes }) => isCut(lever, links, nodes, node))
    .map(({ from, until }) => `M${round(place(from))} ${y}H${round(Math.max(place(until), place(from) + 0.6))}`)
    .join('');
  return d === '' ? html`` : html`<path class="line is-cut" d="${pathData(d)}"/>`;
}

function isCut(lever: string, links: PullRecord['links'], nodes: readonly string[], node: string): boolean {
  if (lever === 'cutClients') return nodes.includes(node);
  return lever === 'cut' && links.some(([from, to]) => from === node || to === node);
}

function failoverMarks({ failovers }: RunRecord, frame: Frame, { place }: Scale): Markup {
  let last = Number.NEGATIVE_INFINITY;
  const marks = failovers.map(({ start }, i) => {
    const x = round(place(start));
    const label = String(i + 1);
    const room = x - last > label.length * 7 + 5;
    if (room) last = x;
    return html`<path class="mark" d="M${x - 4} ${frame.top - 8}h8l-4 6z"/>${room && html`<text class="tick middle" x="${x}" y="${frame.top - 12}">${label}</text>`}`;
  });
  return html`${marks.slice(0, 400)}`;
}

/** A lane for each kind of fault. */
export function faultLanes(record: RunRecord): Markup {
  const { faults } = record;
  if (faults.length === 0) return html``;
  const kinds = [...new Set([...faults].sort((a, b) => a.from - b.from).map(({ fault }) => fault))].slice(0, KINDS_MAX);
  const picture = drawn('Faults in force', (size) => {
    const isWide = size === 'wide';
    const lane = isWide ? FAULT_LANE : FAULT_LANE + 10;
    const frame = timeFrame(size, 6 + kinds.length * lane + 24);
    const x = timeOf(frame, record.virtualNs);
    const end = frame.width - frame.right;
    return {
      height: frame.height,
      parts: [
        columns(frame, x),
        kinds.map((kind, i) => {
          const y = 6 + i * lane + (isWide ? 0 : 11);
          const d = faults
            .filter(({ fault }) => fault === kind)
            .map(({ from, until }) => {
              const [left, right] = [round(x.place(from)), round(Math.min(end, x.place(until)))];
              return `M${left} ${y + 2}H${Math.max(right, left + 1)}V${y + lane - 5 - (isWide ? 0 : 10)}H${left}z`;
            })
            .join('');
          const label = isWide
            ? html`<text class="tick end" x="${frame.left - 8}" y="${y + 12}">${cut(kind, 22)}</text>`
            : html`<text class="tick start" x="${frame.left}" y="${y}">${cut(kind, 40)}</text>`;
          const who = faults.length <= 60 && isWide ? whom(record, kind, x, y, end) : undefined;
          return html`<path class="grid" d="M${frame.left} ${y + lane - 3 - (isWide ? 0 : 11)}H${end}"/><path class="fault" d="${pathData(d)}"/>${label}${who}`;
        }),
        html`<path class="cursor" d="M0 4V${frame.height - frame.bottom}"/>`,
      ],
    };
  });
  return html`<figure class="over-time" data-lanes="faults">
<figcaption><b>Faults in force</b> <span>from injection to cure, and whom they struck</span></figcaption>${picture}</figure>`;
}

/** The targets, beside the bar, where there is room before the next one. */
function whom({ faults }: RunRecord, kind: string, { place }: Scale, y: number, end: number): Markup {
  const mine = faults.filter(({ fault }) => fault === kind);
  const texts = mine.map(({ targets, from, until }) => {
    const text = cut(targets.join(' '), 24);
    const x = round(place(until)) + 4;
    const room = text.length * 6.4;
    const next = mine.filter((other) => other.from > from).map((other) => place(other.from));
    if (text === '' || x + room > Math.min(end, ...next)) return undefined;
    return html`<text class="tick start" x="${x}" y="${y + 12}"><title>${kind} ${momentText(from)} to ${momentText(until)}</title>${text}</text>`;
  });
  return html`${texts}`;
}
