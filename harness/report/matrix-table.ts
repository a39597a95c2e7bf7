/** The matrix: a row for each pair of paths, a column for each guarantee. Colour says nothing that the words do not. */
import { guaranteeNames, guarantees } from '../../history/guarantee.ts';
import { figureOf, headings, type MatrixCell } from '../matrix.ts';
import { html, type Markup, name } from './markup.ts';

const MARKS: Readonly<Record<MatrixCell['state'], string>> = {
  kept: '✓',
  broken: '✗',
  holds: '·',
  violated: '○',
  undecided: '?',
  'not exercised': '–',
};

const WORDS: Readonly<Record<MatrixCell['state'], string>> = {
  kept: 'kept',
  broken: 'BROKEN',
  holds: 'holds',
  violated: 'violated',
  undecided: 'undecided',
  'not exercised': 'untried',
};

/** `links`: where the page says more of a cell. */
export function matrixTables(cells: readonly MatrixCell[], links: ReadonlyMap<MatrixCell, string>): Markup {
  const tables = (['row', 'write path', 'system'] as const).map((scope) => {
    const some = cells.filter((cell) => guarantees[cell.guarantee].scope === scope);
    return some.length === 0 ? undefined : block(some, scope, links);
  });
  const isSuspended = cells.some(({ suspendedBy }) => suspendedBy !== undefined);
  const word = (state: MatrixCell['state']): Markup =>
    html`<b class="state ${state.replace(' ', '-')}"><i>${MARKS[state]}</i> ${WORDS[state]}</b>`;
  return html`<ul class="key"><li>Promised: ${word('kept')} ${word('broken')} ${word('undecided')} ${word('not exercised')} (no fault of this plan puts it to the test).</li>
<li>Not promised, so a finding and no failure: ${word('holds')} ${word('violated')} – the number is what it was judged on; of what broke or was violated, how often.${isSuspended && ' * promised, but suspended: a fault of this plan goes beyond what the system assumes.'}</li></ul>
<div class="matrices">${tables}</div>`;
}

type Scope = 'row' | 'write path' | 'system';

function block(cells: readonly MatrixCell[], scope: Scope, links: ReadonlyMap<MatrixCell, string>): Markup {
  const columns = guaranteeNames.filter((guarantee) => cells.some((cell) => cell.guarantee === guarantee));
  const rows = new Map<string, MatrixCell[]>();
  for (const cell of cells) {
    const key = JSON.stringify([cell.writePath, cell.readPath]);
    const row = rows.get(key);
    if (row === undefined) rows.set(key, [cell]);
    else row.push(cell);
  }
  let before: string | undefined;
  const body = [...rows.values()].map((row) => {
    const { writePath = '', readPath = '' } = row[0];
    const isNew = scope === 'row' && writePath !== before;
    before = writePath;
    const label = scope === 'row' ? readPath : scope === 'system' ? 'system' : writePath;
    const shown = columns.map((guarantee) => {
      const cell = row.find((one) => one.guarantee === guarantee);
      if (cell === undefined) return html`<td></td>`;
      return html`<td class="${cell.state.replace(' ', '-')}">${cellText(cell, links.get(cell))}</td>`;
    });
    const group =
      isNew &&
      html`<tr class="group"><th colspan="${columns.length + 1}"><span>writes ${name(writePath, 60)}</span></th></tr>`;
    return html`${group}<tr><th>${name(label, 120)}</th>${shown}</tr>`;
  });
  const heads = columns.map((guarantee) => {
    const [first, second] = headings[guarantee];
    return html`<th title="${guarantees[guarantee].definition}">${first}<wbr>${second}</th>`;
  });
  const corner = scope === 'row' ? 'reads' : scope === 'system' ? '' : 'writes';
  return html`<div class="scroll"><table class="matrix"><thead><tr><th>${corner}</th>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** The word is there for whoever listens to the page, or copies it; the eye has the mark. */
function cellText(cell: MatrixCell, link: string | undefined): Markup {
  const figure = figureOf(cell).replace(/x$/, '×');
  const text = html`<b class="state ${cell.state.replace(' ', '-')}"><i aria-hidden="true">${MARKS[cell.state]}</i><span class="heard"> ${WORDS[cell.state]} </span></b>${figure}${cell.suspendedBy !== undefined && '*'}`;
  return link === undefined ? text : html`<a href="#${link}">${text}</a>`;
}
