/** Broken promises, each with pictures of the few operations that prove it; then what was suspended, and findings. */
import type { Anomaly } from '../../checkers/checker.ts';
import { lastStateText } from '../../checkers/explain/text.ts';
import { merged } from '../../checkers/explain/whole.ts';
import type { Cell, RunRecord } from '../../results/record.ts';
import { describe } from '../anomaly-text.ts';
import { TOGETHER } from '../judge.ts';
import { title as fullTitle } from '../report-text.ts';
import { count, many } from '../table.ts';
import { anomalyPicture } from './anomaly-picture.ts';
import { legend } from './chart.ts';
import { cut, html, type Markup, type Piece, prose } from './markup.ts';

/** Pictures of one broken promise, and of one finding. */
const PICTURES_MAX = 2;
const OPERATIONS_MAX = 30;
/** Characters of markup that all pictures may take; what goes beyond is told in words. */
const ROOM = 380_000;

/** Cells that are named one by one; the rest is in the matrix. */
const NAMED_MAX = 40;

const title = (cell: Cell): string => cut(fullTitle(cell), 160);

export interface Anomalies {
  readonly broken: Markup | undefined;
  readonly suspended: Markup | undefined;
  readonly findings: Markup | undefined;
  /** Where the page tells of a cell. */
  readonly links: ReadonlyMap<Cell, string>;
}

/** One anomaly, and all cells that rest on it: a pair of paths is judged by itself and together with others. */
interface Shown {
  readonly anomaly: Anomaly;
  readonly cells: Cell[];
}

export function anomaliesOf(record: RunRecord): Anomalies {
  const links = new Map<Cell, string>();
  const room = new Room();
  const cells = record.cells.filter(({ state }) => state === 'broken');
  const broken = byGuarantee(cells).map((some, i) => brokenPromise(some, `broken-${i + 1}`, links, room));
  const never = record.cells.filter(({ suspendedBy }) => suspendedBy === undefined);
  const violated = byGuarantee(never.filter(({ state }) => state === 'violated'));
  const undecided = never.filter(({ state, note }) => state === 'undecided' && note !== '');
  const remarked = never.filter(({ state, note }) => (state === 'kept' || state === 'holds') && note !== '');
  const suspended = record.cells.filter(({ suspendedBy }) => suspendedBy !== undefined);
  const findings: Piece = [
    undecided.length > 0 && list('Undecided', undecided, links, 'undecided'),
    violated.map((some, i) => finding(some, `finding-${i + 1}`, links, room)),
    remarked.length > 0 && list('With a remark', remarked, links, 'remarked'),
  ];
  return {
    broken: broken.length === 0 ? undefined : html`${broken}`,
    suspended: suspended.length === 0 ? undefined : suspendedList(suspended, links),
    findings: undecided.length + violated.length + remarked.length === 0 ? undefined : html`${findings}`,
    links,
  };
}

/** Of each guarantee its cells, the one with the most anomalies first. */
function byGuarantee(cells: readonly Cell[]): readonly (readonly Cell[])[] {
  const names = [...new Set(cells.map(({ guarantee }) => guarantee))];
  return names.map((name) =>
    cells.filter(({ guarantee }) => guarantee === name).sort((a, b) => b.anomalyCount - a.anomalyCount),
  );
}

function brokenPromise(cells: readonly Cell[], id: string, links: Map<Cell, string>, room: Room): Markup {
  for (const cell of cells) links.set(cell, id);
  const notes = cells.slice(0, NAMED_MAX).map((cell) => html`<li>${title(cell)}: <b>${prose(cell.note, 300)}</b></li>`);
  const all = distinct(cells);
  const told = all.slice(0, PICTURES_MAX).map((shown) => evidence(shown, room));
  const rest = Math.max(atLeast(cells), all.length) - told.length;
  const more =
    rest > 0 &&
    html`<p class="soft">${cells.length === 1 ? '' : 'At least '}${count(rest)} more of these in the history.</p>`;
  return html`<section class="promise" id="${id}"><h3><b class="state broken">✗ BROKEN</b> ${cells[0].guarantee}</h3><ul class="notes">${notes}</ul>${andMore(cells)}${told}${more}</section>`;
}

/**
 * How many different anomalies the cells of one guarantee have in common at the least. Those of different write paths are different ones;
 * those of one write path by two read paths may be the same, and those of paths together are those of each, and more.
 */
function atLeast(cells: readonly Cell[]): number {
  const byWritePath = new Map<string, number>();
  for (const { writePath = '', anomalyCount } of cells)
    byWritePath.set(writePath, Math.max(byWritePath.get(writePath) ?? 0, anomalyCount));
  const partsOf = (path: string): readonly string[] => path.split(TOGETHER);
  const alone = [...byWritePath].filter(([path]) => partsOf(path).length === 1);
  const sumWithout = (parts: readonly string[]): number =>
    alone.reduce((sum, [path, n]) => (parts.includes(path) ? sum : sum + n), 0);
  const together = [...byWritePath].filter(([path]) => partsOf(path).length > 1);
  return Math.max(sumWithout([]), ...together.map(([path, n]) => n + sumWithout(partsOf(path))));
}

function andMore({ length }: readonly Cell[]): Markup | undefined {
  return length > NAMED_MAX ? html`<p class="soft">… and ${many(length - NAMED_MAX, 'more cell')}.</p>` : undefined;
}

function distinct(cells: readonly Cell[]): readonly Shown[] {
  const bySentence = new Map<string, Shown>();
  for (const cell of cells) {
    for (const anomaly of cell.anomalies) {
      const known = bySentence.get(anomaly.sentence);
      if (known === undefined) bySentence.set(anomaly.sentence, { anomaly, cells: [cell] });
      else known.cells.push(cell);
    }
  }
  return [...bySentence.values()];
}

function evidence({ anomaly, cells }: Shown, room: Room): Markup {
  const operations = merged(anomaly.operations);
  const state = lastStateText(anomaly);
  const lines = operations
    .slice(0, OPERATIONS_MAX)
    .map((operation) => html`<li>${prose(cut(describe(operation), 320))}</li>`);
  const rest = operations.length - lines.length;
  const where = cells.length > 1 && html` <span class="soft">seen in ${cells.length} cells</span>`;
  return html`<article class="anomaly"><p class="sentence"><b>${cut(anomaly.kind, 120)}</b>${where}<br>${prose(anomaly.sentence)}</p>
${room.take(() => anomalyPicture(anomaly))}${state !== '' && html`<p class="soft">${prose(state)}</p>`}
${lines.length > 0 && html`<details><summary>${operations.length === 1 ? 'the operation' : `the ${operations.length} operations`}, with their places in the journal</summary><ol class="operations">${lines}</ol>${rest > 0 && html`<p class="soft">… and ${count(rest)} more.</p>`}</details>`}</article>`;
}

function finding(cells: readonly Cell[], id: string, links: Map<Cell, string>, room: Room): Markup {
  for (const cell of cells) links.set(cell, id);
  const [first] = cells;
  const [example] = distinct([first]);
  const where =
    cells.length > 1 && html` <span class="soft">and in ${many(cells.length - 1, 'more cell')} of the matrix</span>`;
  return html`<section class="promise" id="${id}"><h3><b class="state violated">○ violated</b> ${first.guarantee}</h3><p>${title(first)}: <b>${prose(first.note)}</b>${where}</p>${example !== undefined && evidence(example, room)}</section>`;
}

function list(heading: string, cells: readonly Cell[], links: Map<Cell, string>, id: string): Markup {
  for (const cell of cells) links.set(cell, id);
  return html`<section class="promise" id="${id}"><h3>${heading}</h3><ul class="notes">${cells.slice(0, NAMED_MAX).map((cell) => html`<li>${title(cell)}: ${cell.state} ${prose(cell.note, 300)}</li>`)}</ul>${andMore(cells)}</section>`;
}

function suspendedList(cells: readonly Cell[], links: Map<Cell, string>): Markup {
  for (const cell of cells) links.set(cell, 'suspended');
  const items = cells.slice(0, NAMED_MAX).map((cell) => {
    const [example] = cell.anomalies;
    return html`<li>${title(cell)}, suspended by ${(cell.suspendedBy ?? []).join(', ')}: <b>${cell.state}</b> ${prose(cell.note)}${example !== undefined && html`<br><span class="soft">e.g. ${prose(example.sentence)}</span>`}</li>`;
  });
  return html`<ul class="notes">${items}</ul>${andMore(cells)}`;
}

/** How the pictures are to be read. */
export const pictureKey: Markup = html`${legend([
  { label: 'changes something', type: 'bar changes', mark: 'box' },
  { label: 'looks', type: 'bar looks', mark: 'box' },
  { label: 'fits nowhere', type: 'bar changes stuck', mark: 'box' },
  { label: 'may still happen', type: 'bar changes pending', mark: 'box' },
])}<p class="soft">A bar lasts from call to return, open where nobody knows its end; below the value, who answered. What was over before another began lies left of it; distances are not to scale. Numbers before values: an order that worked so far.</p>`;

/** Keeps the page small, however many anomalies there are and however large their pictures. */
class Room {
  #left = ROOM;

  take(draw: () => Markup | undefined): Markup | undefined {
    if (this.#left <= 0) return undefined;
    const drawn = draw();
    const size = drawn?.text.length ?? 0;
    if (size > this.#left) return undefined;
    this.#left -= size;
    return drawn;
  }
}
