/**
 * Text that PostgreSQL can hold. It refuses NUL in any text and lone surrogates in JSON; histories of real stores hold
 * both. Each is stored as ESC and four hexadecimal digits, and so is ESC itself: that is reversible, and all other text
 * stays readable in SQL.
 */
const ESC = '\u001b';

/** A plain string, for a query's parameter that is compared with stored text. */
export function escapeText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  if (!/[\0\u001b\ud800-\udfff]/.test(text)) return text;
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\ud800-\udbff][\udc00-\udfff]|[\0\u001b\ud800-\udfff]/g,
    (found) => (found.length === 2 ? found : ESC + found.charCodeAt(0).toString(16).padStart(4, '0')),
  );
}

/** The JSON of a value, escaped. In JSON text, what needs it is always written as \uXXXX, in lower case (ECMA-262). */
export function toStoredJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes('\\u')) return text;
  // Every escape sequence is consumed from its backslash on, so that an escaped backslash before a `u` is left alone.
  return text.replace(/\\(u0000|u001b|ud[89a-f][0-9a-f]{2}|.)/g, (all, escape: string) =>
    escape.length === 1 ? all : `\\u001b${escape.slice(1)}`,
  );
}

/** The value of stored JSON, as PostgreSQL gives it back. */
export function fromStoredJson(text: string): unknown {
  if (!text.includes('\\u001b')) return JSON.parse(text);
  return JSON.parse(
    text.replace(/\\(u001b[0-9a-f]{4}|.)/g, (all, escape: string) =>
      escape.length === 1 ? all : `\\u${escape.slice(5)}`,
    ),
  );
}

/** Text as it was, of a column. */
export function fromStoredText(text: string): string {
  if (!text.includes(ESC)) return text;
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /\u001b([0-9a-f]{4})/g,
    (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)),
  );
}
