/** Times as people write them: `1500ms`, `60s`, `5m`, `1h`. */
import { MILLISECOND, SECOND } from '../history/clock.ts';

const units = { ms: MILLISECOND, s: SECOND, m: 60 * SECOND, h: 3600 * SECOND };

/** Nanoseconds; undefined for what is no such time. */
export function nanosecondsOf(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
  return match === null ? undefined : Math.round(Number(match[1]) * units[match[2] as keyof typeof units]); // the pattern's
}

export function timeText(ns: number): string {
  if (ns !== 0 && ns % SECOND === 0) return ns % (60 * SECOND) === 0 ? `${ns / (60 * SECOND)}m` : `${ns / SECOND}s`;
  return `${ns / MILLISECOND}ms`;
}
