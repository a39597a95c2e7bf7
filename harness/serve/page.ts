/** The frame of every page: its style, its policy, and the bar at the top. */
import { createHash } from 'node:crypto';
import { html, type Markup, type Piece, verbatim } from '../report/markup.ts';
import { script as reportScript } from '../report/script.ts';
import { style as reportStyle } from '../report/style.ts';
import { pagesStyle } from './assets.ts';

const style = `${reportStyle}${pagesStyle}`;
const digest = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing is loaded from elsewhere, nothing frames it, and no script runs but ours: by its digest, or from our own address. */
export const POLICY = [
  "default-src 'none'",
  `style-src ${digest(style)} ${digest(reportStyle)}`,
  `script-src 'self' ${digest(reportScript)}`,
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const places = [
  ['/', 'Runs'],
  ['/trends', 'Trends'],
] as const;

export function bar(current?: string): Markup {
  return html`<div class="bar"><strong>Tidemark</strong>${places.map(([path, title]) =>
    path === current ? html`<a href="${path}" aria-current="page">${title}</a>` : html`<a href="${path}">${title}</a>`,
  )}</div>`;
}

export function page(
  title: string,
  current: string | undefined,
  body: readonly Piece[],
  scripts: readonly string[] = [],
): string {
  const text = html`<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
${verbatim('style', style)}</head><body>
${bar(current)}<main>${body}</main>${scripts.map((path) => html`<script src="${path}" defer></script>`)}</body></html>
`;
  return `<!doctype html>\n${text.text}`;
}

/** A report as it stands, with the way back above it. The first body is the report's own: all text before it is escaped. */
export function withBar(report: string): string {
  // Its own policy lets no style in but its own.
  const way = html`<header><nav>${places.map(([path, title]) => html`<a href="${path}">${title}</a>`)}</nav></header>`;
  return report.replace('</head><body>\n', () => `</head><body>\n${way.text}`);
}
