/** Text, tables and folds of Markdown. */
import { printable } from '../../checkers/explain/labels.ts';
import { cut, isolated } from './markup.ts';

/** Text as it is: nothing in it is markup, mentions anybody or refers to an issue. The one place where text becomes Markdown. */
export function plain(text: string, longest = 500): string {
  const safe = printable(cut(text, longest)).replace(/[\\`*_[\]#|~<>&@$]|:(?=\S)/g, (character) =>
    /[<>&@#:]/.test(character) ? `&#${character.charCodeAt(0)};` : `\\${character}`,
  );
  return isolated(safe, (run) => `\u2068${run}\u2069`);
}

/** A fence that is longer than any in the text. */
export function fenced(text: string, language = ''): string {
  const shown = text.split('\n').map(printable).join('\n');
  const longest = Math.max(2, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${shown}\n${fence}`;
}

export function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

export function tableOf(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const rule = head.map((_, i) => (right.includes(i) ? '--:' : '---'));
  return [row(head), row(rule), ...rows.map(row)].join('\n');
}

export function folded(summary: string, body: string): string {
  return `<details><summary>${summary}</summary>\n\n${body}\n\n</details>`;
}
