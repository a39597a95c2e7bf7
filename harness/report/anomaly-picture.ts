/** An anomaly at a glance: its few operations as bars from call to return, a lane for each process, with values and the nodes that answered. */
import type { Anomaly } from '../../checkers/checker.ts';
import { cutTo, printable, widthOf } from '../../checkers/explain/labels.ts';
import { type Band, type Bar, layOutTimeline } from '../../checkers/explain/timeline.ts';
import { drawn, round, type Size } from './chart.ts';
import { html, type Markup } from './markup.ts';

/** Pixels of a character, of a lane, of a bar. */
const CHARACTER = 7.3;
const LANE = 46;
const BAR = 34;
const LEFT: Readonly<Record<Size, number>> = { wide: 118, narrow: 48 };
/** Pixels of a column of a lane's name, whatever the font is; and the columns that fit. */
const NAME = 6.9;
const NAME_COLUMNS: Readonly<Record<Size, number>> = { wide: 15, narrow: 5 };
/** Characters that fit beside the names. */
const COLUMNS: Readonly<Record<Size, number>> = { wide: 106, narrow: 40 };

/** Undefined where there is nothing to draw: the evidence is notes alone. */
export function anomalyPicture(anomaly: Anomaly): Markup | undefined {
  if (anomaly.operations.length === 0) return undefined;
  return drawn(`timeline of the anomaly: ${anomaly.kind}`, (size) => {
    const { bands } = layOutTimeline(anomaly, COLUMNS[size]);
    let y = 4;
    const parts = bands.map((band) => {
      const top = y;
      y += band.lanes.length * LANE + 28;
      return drawBand(band, size, top);
    });
    return { height: y, parts };
  });
}

/** Bars are filled where something was changed, and hollow where it was only looked at. */
function drawBand({ lanes, ticks, width }: Band, size: Size, top: number): Markup {
  const left = LEFT[size];
  const bottom = top + lanes.length * LANE;
  const axis = ticks.map(({ at, text }, i) => {
    const x = round(left + (at + 0.5) * CHARACTER);
    const last = ticks[i - 1];
    const isClear =
      last === undefined ||
      (at - last.at) * CHARACTER > (i === 1 ? last.text.length : last.text.length / 2) * 6.6 + text.length * 3.3 + 8;
    return html`<path class="grid" d="M${x} ${top}V${bottom + 4}"/>${isClear && html`<text class="tick ${i === 0 ? 'start' : 'middle'}" x="${i === 0 ? x - 4 : x}" y="${bottom + 17}">${text}</text>`}`;
  });
  const drawnLanes = lanes.map(({ name, bars }, lane) => {
    const y = top + lane * LANE;
    const session = bars[0]?.operation.session;
    const whole = printable(size === 'wide' && session !== undefined ? `${name} · ${session}` : name);
    const who = cutTo(whole, NAME_COLUMNS[size]);
    return html`<text class="tick end lane" x="${left - 10}" y="${y + 21}" textLength="${round(widthOf(who) * NAME)}" lengthAdjust="spacingAndGlyphs">${who}</text><path class="grid" d="M${left} ${y + BAR / 2}h${round(width * CHARACTER)}"/>${bars.map((bar) => drawBar(bar, left, y))}`;
  });
  return html`${axis}${drawnLanes}`;
}

const LOOKING = new Set(['read', 'poll', 'get', 'readMany']);

function drawBar({ from, to, label, part, operation, goesOn, isOpen, begun }: Bar, left: number, y: number): Markup {
  const x = round(left + from * CHARACTER + (begun ? 0 : 2));
  const end = round(left + to * CHARACTER - (goesOn || isOpen ? 0 : 2));
  const kind = LOOKING.has(operation.f) ? 'looks' : 'changes';
  const open = goesOn || isOpen;
  const width = Math.max(4, round(end - x));
  // An end that nobody knows has no edge.
  const outline = open
    ? html`<path class="bar ${kind} ${part}" d="M${end} ${y}H${x}v${BAR}H${end}"/>`
    : html`<rect class="bar ${kind} ${part}" x="${x}" y="${y}" width="${width}" height="${BAR}" rx="3"/>`;
  const room = to - from - 2;
  const { node, role, outcome } = operation;
  const wheres = node === undefined ? [outcome === 'info' ? 'no answer' : ''] : [`${node} ${role ?? ''}`, node];
  const below = wheres.find((text) => widthOf(text) <= room + 1) ?? '';
  return html`${outline}<text class="what" x="${round(x + 6)}" y="${y + 15}">${cutTo(label, Math.max(1, room))}${open ? ' …' : ''}</text>${below !== '' && html`<text class="where" x="${round(x + 6)}" y="${y + 28}">${below}</text>`}`;
}
