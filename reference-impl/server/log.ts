/** The node's log: one line an event on stderr, as text or JSON. Never a secret, never a key or value of a user. */
import { monotonicMs, wallTime } from './clock.ts';

export type LogLevel = 'info' | 'warning' | 'error';

/** Lines of one kind that anybody on the network can cause: so many at once, and one more each second. */
const BURST = 20;
const KINDS_MAX = 100;

interface Allowance {
  left: number;
  atMs: number;
  suppressed: number;
}

export class Log {
  readonly #node: string;
  readonly #format: 'text' | 'json';
  readonly #write: (line: string) => void;
  readonly #allowances = new Map<string, Allowance>();

  constructor(node: string, format: 'text' | 'json', write: (line: string) => void) {
    this.#node = node;
    this.#format = format;
    this.#write = write;
  }

  readonly say = (level: LogLevel, sentence: string): void => {
    const time = wallTime();
    this.#write(
      this.#format === 'json'
        ? `${JSON.stringify({ time, level, node: this.#node, message: sentence })}\n`
        : `${time} ${level === 'info' ? '' : `${level}: `}${oneLine(sentence)}\n`,
    );
  };

  /** What others can make happen as often as they like: each `kind` has an allowance, and says how many it has left out. */
  limited(kind: string, level: LogLevel, sentence: string): void {
    const now = monotonicMs();
    let allowance = this.#allowances.get(kind);
    if (allowance === undefined) {
      if (this.#allowances.size >= KINDS_MAX) this.#allowances.clear();
      allowance = { left: BURST, atMs: now, suppressed: 0 };
      this.#allowances.set(kind, allowance);
    }
    allowance.left = Math.min(BURST, allowance.left + (now - allowance.atMs) / 1000);
    allowance.atMs = now;
    if (allowance.left < 1) {
      allowance.suppressed++;
      return;
    }
    allowance.left--;
    const { suppressed } = allowance;
    allowance.suppressed = 0;
    this.say(level, suppressed === 0 ? sentence : `${sentence} (${suppressed} more of this kind were not logged)`);
  }
}

/** What comes from outside might bring line breaks, and look like lines of ours. A stack's go on with indentation. */
function oneLine(sentence: string): string {
  return sentence.replace(/\s*[\n\r\u2028\u2029]\s*/g, ' | ');
}
