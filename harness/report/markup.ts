/**
 * The one place where text becomes markup. Whatever is put into the tagged template is text, and is escaped, unless it is
 * {@link Markup} already, which only this template makes. What would move the cursor, turn the direction of the text or take no room is shown
 * by its number, and scripts that are written from right to left are kept apart from what surrounds them.
 */
import { printable } from '../../checkers/explain/labels.ts';
import { shownValue } from '../../history/shown.ts';
import type { Value } from '../../history/operation.ts';
import { count } from '../table.ts';

/** Markup that is safe to put into a page: it was written by us, and all text in it is escaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What may be put into the template. Nothing is written for `undefined` and `false`. */
export type Piece = string | number | Markup | undefined | false | readonly Piece[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Text in an element or in a quoted attribute. */
export function escaped(text: string): string {
  return printable(text).replace(/[&<>"'`]/g, (character) => ENTITIES[character] ?? character);
}

/** Whatever is longer is cut, if nobody has thought of it before; see `lines` for what may be longer. */
const LONGEST = 4000;

/** Attributes must be quoted in the template: ``html`<a href="${address}">${name}</a>` ``. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  let text = strings[0];
  for (const [i, piece] of pieces.entries()) text += written(piece) + strings[i + 1];
  return new Markup(text);
}

function written(piece: Piece): string {
  if (piece === undefined || piece === false) return '';
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === 'string') return escaped(cut(piece, LONGEST));
  if (typeof piece === 'number') return String(piece);
  return piece.map(written).join('');
}

/** At most so many characters; how many are left out is said. */
export function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  // No half of a surrogate pair is left at the end.
  const kept = text.slice(0, longest).replace(/[\ud800-\udbff]$/, '');
  return `${kept}… (${count(text.length - kept.length)} more characters)`;
}

/** Scripts that are written from right to left. */
const RIGHT_TO_LEFT = /([\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b][\udc00-\udfff])+/g;

/** Each run of such a script as `wrap` has it. */
export function isolated(text: string, wrap: (run: string) => string): string {
  return text.replace(RIGHT_TO_LEFT, (run) => wrap(run));
}

/** A sentence from a checker: the values in it may be anything. */
export function prose(sentence: string, longest = 600): Markup {
  // Tags are no such script, and entities neither.
  return new Markup(isolated(escaped(cut(sentence, longest)), (run) => `<bdi>${run}</bdi>`));
}

/** A name or a value that came from outside: kept apart, whatever its script. */
export function name(text: string, longest = 200): Markup {
  return html`<bdi>${cut(text, longest)}</bdi>`;
}

export function value(of: Value, longest = 120): Markup {
  return name(shownValue(of, longest), longest);
}

/** Text of several lines, each as it is. */
export function lines(text: string, longest = 16_000): Markup {
  return new Markup(cut(text, longest).split('\n').map(escaped).join('\n'));
}

/** Data for the page's script, in an element of its own that nobody executes. Its texts are shown: as everywhere, with numbers for what cannot be. */
export function data(id: string, content: unknown): Markup {
  const visible = (_: string, of: unknown): unknown => (typeof of === 'string' ? printable(of) : of);
  const json = JSON.stringify(content, visible).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new Markup(`<script type="application/json" id="${escaped(id)}">${json}</script>`);
}

/** The `d` of a path: ours, numbers and commands, and as long as it has to be; cut, it would be no path. */
export function pathData(ours: string): Markup {
  return new Markup(escaped(ours));
}

/** A style or a script of ours, as it stands: no text from outside is ever part of it. */
export function verbatim(tag: 'style' | 'script', ours: string): Markup {
  if (/<\/(style|script)/i.test(ours)) throw new Error(`a ${tag} must not hold its own end`);
  return new Markup(`<${tag}>${ours}</${tag}>`);
}
