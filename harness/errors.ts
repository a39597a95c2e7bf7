/**
 * The exit codes, and the one error that means "the user asked for something that can't be".
 *
 * Everywhere: 0 all promises kept, 1 a promise broken (or a threshold missed, or a regression), 2 undecided, 254 bad
 * arguments or input, 255 the harness itself failed.
 */

export const KEPT = 0;
export const BROKEN = 1;
export const UNDECIDED = 2;
export const BAD_INPUT = 254;
export const HARNESS_FAILED = 255;

export type ExitCode = typeof KEPT | typeof BROKEN | typeof UNDECIDED | typeof BAD_INPUT | typeof HARNESS_FAILED;

const worstFirst: readonly ExitCode[] = [BROKEN, HARNESS_FAILED, BAD_INPUT, UNDECIDED, KEPT];

/** The code that stands for several runs or files: nothing hides a broken promise. None at all is undecided. */
export function worst(codes: readonly ExitCode[]): ExitCode {
  return worstFirst.find((code) => codes.includes(code)) ?? UNDECIDED;
}

/** Bad arguments or input: one clear sentence for the user, no stack, exit code 254. */
export class BadInput extends Error {
  constructor(sentence: string, options?: ErrorOptions) {
    super(sentence, options);
    this.name = 'BadInput';
  }
}

/** A sentence of somebody else's words, with its full stop: once, where those words have one. */
export function closed(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

/**
 * A name that is none of the valid ones: names it, suggests the nearest, lists them all.
 * `what` is singular and lower case: `unknownName('fault', 'isolate-leder', faults.keys())`.
 */
export function unknownName(what: string, given: string, valid: Iterable<string>): BadInput {
  return unknownNames(what, [given], [...valid]);
}

function missing(what: string, given: string, names: readonly string[]): string {
  const near = nearest(given, names);
  return `There is no ${what} '${given}'.${near === undefined ? '' : ` Did you mean '${near}'?`}`;
}

/** Throws {@link BadInput} with each of them that is none of the valid ones. */
export function checkNames(what: string, given: readonly string[], valid: Iterable<string>): void {
  const names = [...valid];
  const unknown = [...new Set(given)].filter((name) => !names.includes(name));
  if (unknown.length > 0) throw unknownNames(what, unknown, names);
}

function unknownNames(what: string, given: readonly string[], names: readonly string[]): BadInput {
  const list = names.length === 0 ? 'There is none.' : `Valid: ${names.join(', ')}.`;
  return new BadInput([...given.map((name) => missing(what, name, names)), list].join(' '));
}

/** The candidate with the fewest edits from `given`, if those are few for its length; the first among equals. */
export function nearest(given: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(1, Math.ceil(given.length * 0.4)) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(given.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest && edits < candidate.length) {
      fewest = edits;
      best = candidate;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, substitution);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}

/** Why a file could not be read, as the second half of a sentence. */
export function whyUnread(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EISDIR: 'it is a directory',
    EACCES: 'it may not be read',
  };
  return known[code] ?? message;
}
