/** An anomaly's timeline as a picture: one SVG that needs nothing else, and follows the reader's light or dark scheme. */
import type { Anomaly } from '../checker.ts';
import { cutTo, printable, widthOf } from './labels.ts';
import { lastStateText } from './text.ts';
import { drawn, layOutTimeline } from './timeline.ts';
import type { Band, Bar } from './timeline.ts';

/** Pixels: of a character, between edges and text, of a lane, of a bar, of a line of text. */
const CHARACTER = 7.5;
const MARGIN = 20;
const LANE = 36;
const BAR = 26;
const LINE = 19;
const COLUMNS_MAX = 130;
const COLUMNS_MIN = 76;

const STYLE = `
  svg { --ground: #ffffff; --ink: #1f2328; --soft: #656d76; --rule: #d1d9e0; --bar: #ddf4ff; --edge: #0969da;
        --bad: #ffebe9; --bad-edge: #cf222e; background: var(--ground) }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #0d1117; --ink: #e6edf3; --soft: #9198a1; --rule: #30363d; --bar: #0f2d4d; --edge: #4493f8;
          --bad: #4b1113; --bad-edge: #f85149 }
  }
  .ground { fill: var(--ground) }
  text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: var(--ink); white-space: pre }
  .kind { font-weight: bold; font-size: 15px }
  .soft { fill: var(--soft) }
  .rule { stroke: var(--rule) }
  .bar { fill: var(--bar); stroke: var(--edge); stroke-width: 1.5 }
  .stuck { fill: var(--bad); stroke: var(--bad-edge) }
  .pending { fill: none; stroke: var(--soft); stroke-dasharray: 4 3 }`;

/** A whole document, at most some 1,100 pixels wide. */
export function timelineSvg(anomaly: Anomaly): string {
  const names = Math.max(2, ...drawn(anomaly).map(({ process }) => `p${process}`.length)) + 2;
  const { bands, hidden } = layOutTimeline(anomaly, COLUMNS_MAX - names);
  const columns = Math.max(COLUMNS_MIN, ...bands.map((band) => band.width + names + 8));
  const sentence = wrap(anomaly.sentence, columns);
  const state = wrap(lastStateText(anomaly), columns);
  const legend = wrap(legendOf(anomaly, hidden), columns);
  const parts: string[] = [];
  let y = MARGIN + 14;
  parts.push(text(MARGIN, y, anomaly.kind, 'kind'));
  for (const line of sentence) parts.push(text(MARGIN, (y += LINE), line));
  y += 16;
  for (const band of bands) {
    parts.push(drawBand(band, names, y));
    y += band.lanes.length * LANE + 34;
  }
  for (const line of state) parts.push(text(MARGIN, (y += LINE), line));
  for (const line of legend) parts.push(text(MARGIN, (y += LINE), line, 'soft'));
  const [width, height] = [Math.ceil(columns * CHARACTER + 2 * MARGIN), y + MARGIN];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escaped(anomaly.kind)}</title>
<desc>${escaped(anomaly.sentence)}</desc>
<style>${STYLE}
</style>
<rect class="ground" width="100%" height="100%"/>
${parts.join('\n')}
</svg>
`;
}

function legendOf({ lastState }: Anomaly, hidden: number): string {
  const parts = ['p: a process; a bar: from call to return (open: nobody knows when it ended)'];
  if (lastState !== undefined) {
    if (lastState.order.length > 0) parts.push('1, 2, …: an order that worked so far');
    parts.push('✗: fits nowhere after it');
    if ((lastState.configurations[0]?.pending.length ?? 0) > 0) parts.push('dashed: pending');
  }
  if (hidden > 0) parts.push(`${hidden} earlier operations are left out`);
  return parts.join('; ');
}

function drawBand({ width, lanes, ticks }: Band, names: number, top: number): string {
  const left = MARGIN + names * CHARACTER;
  const bottom = top + lanes.length * LANE;
  const parts = lanes.flatMap(({ name, bars }, lane) => {
    const middle = top + lane * LANE + LANE / 2;
    const line = `<line class="rule" x1="${left}" x2="${round(left + width * CHARACTER)}" y1="${middle}" y2="${middle}"/>`;
    return [text(MARGIN, middle + 4, name, 'soft'), line, ...bars.map((bar) => drawBar(bar, left, middle))];
  });
  const axis = ticks.flatMap(({ at, text: label }) => {
    const x = round(left + (at + 0.5) * CHARACTER);
    return [
      `<line class="rule" x1="${x}" x2="${x}" y1="${top}" y2="${bottom + 5}"/>`,
      text(x, bottom + 19, label, 'soft'),
    ];
  });
  return [...axis, ...parts].join('\n');
}

function drawBar({ from, to, label, part, begun, goesOn, isOpen }: Bar, left: number, middle: number): string {
  const x = round(left + from * CHARACTER + (begun ? 0 : 2));
  const end = round(left + to * CHARACTER - (goesOn || isOpen ? 0 : 2));
  const [y, half] = [middle - BAR / 2, BAR / 2];
  const open = goesOn || isOpen;
  // An end that is not there has no edge, so the outline is left open on that side.
  const outline =
    open || begun
      ? `M${open ? end : end - 4} ${y}H${begun ? x : x + 4}${begun ? `M${x} ${y + BAR}` : `Q${x} ${y} ${x} ${y + 4}V${y + BAR - 4}Q${x} ${y + BAR} ${x + 4} ${y + BAR}`}H${open ? end : end - 4}${open ? '' : `Q${end} ${y + BAR} ${end} ${y + BAR - 4}V${y + 4}Q${end} ${y} ${end - 4} ${y}`}`
      : '';
  const shape =
    outline === ''
      ? `<rect class="bar ${part}" x="${x}" y="${y}" width="${round(end - x)}" height="${BAR}" rx="4"/>`
      : `<path class="bar ${part}" d="${outline}"/>`;
  const room = to - from - 2 - (open ? 1 : 0);
  if (room < 2) return shape;
  const shown = cutTo(label, room);
  const dots = open ? text(end - CHARACTER - 2, y + half + 4, '…', 'soft') : '';
  return `${shape}${text(x + CHARACTER * 0.9, y + half + 4, shown)}${dots}`;
}

/** Its length is fixed, so that nothing overlaps whatever the fonts are. */
function text(x: number, y: number, content: string, type?: string): string {
  const kind = type === undefined ? '' : ` class="${type}"`;
  const length =
    type === 'kind' || content === ''
      ? ''
      : ` textLength="${round(widthOf(content) * CHARACTER * 0.96)}" lengthAdjust="spacingAndGlyphs"`;
  return `<text x="${round(x)}" y="${round(y)}"${kind}${length}>${escaped(content)}</text>`;
}

function wrap(sentence: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(sentence)
    .split(' ')
    .filter((part) => part !== '')) {
    const piece = cutTo(word, columns);
    if (line !== '' && widthOf(line) + 1 + widthOf(piece) > columns) {
      lines.push(line);
      line = piece;
    } else line = line === '' ? piece : `${line} ${piece}`;
  }
  return line === '' ? lines : [...lines, line];
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(content: string): string {
  return printable(content).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

const round = (x: number): number => Math.round(x * 10) / 10;
