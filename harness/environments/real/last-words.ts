/** What a process said last, in one line, for whoever asks why it has ended. */

const LINES = 10;
const LAST_LINES = 6;
const LINE_MAX = 300;
const ALARM =
  /\b(?:error|fatal|panic|exception|abort(?:ed|ing)?|failed|failure|cannot|can't|could not|unable|denied|refused|invalid|unknown|no such)\b/i;

/**
 * Of the end of a log: the last line, and before it, where that is another one, the first of the last ten that looks like what
 * went wrong; a program often says good-bye after it has said why. Undefined: it said nothing.
 */
export function lastWordsOf(text: string): string | undefined {
  // Of an uncaught error, what comes before its stack.
  const said = text.split('\n').filter((line) => /^\S/.test(line) && !line.startsWith('Node.js v'));
  const words = said.slice(-LINES).map((line) => cut(line.trim()));
  const last = words.at(-1);
  const why = words.find((line) => ALARM.test(line));
  return why === undefined || why === last ? last : `${why} … ${last}`;
}

/** The last few lines of a log that say anything: as they were written, control characters too. */
export function lastLinesOf(text: string): readonly string[] {
  const said = text.split('\n').filter((line) => line.trim() !== '');
  return said.slice(-LAST_LINES).map((line) => cut(line.trimEnd()));
}

function cut(line: string): string {
  return line.length <= LINE_MAX ? line : `${line.slice(0, LINE_MAX)}…`;
}
