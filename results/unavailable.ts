/** Why the results database can't be had, and what the user can do about it. Never a reason to lose a verdict. */
export class DatabaseUnavailable extends Error {
  /** One sentence, or empty when there is nothing to do. */
  readonly hint: string;

  constructor(reason: string, hint = '', options?: ErrorOptions) {
    super(reason, options);
    this.name = 'DatabaseUnavailable';
    this.hint = hint;
  }
}

/** By SQLSTATE or the client's own code; what PostgreSQL says of these names functions and files of ours, or nothing at all. */
const known: readonly (readonly [code: RegExp, sentence: string])[] = [
  [/^25006$/, 'the database is read-only'],
  [/^53100$|^ENOSPC$/, 'the disk of the database is full'],
  [/^53300$/, 'the database takes no more connections'],
  [/^42501$/, 'this user of the database may not write to its schema tidemark'],
  [/^57P0[1-3]$/, 'the database was shut down, or is starting'],
  [/^(CONNECTION_(CLOSED|ENDED|DESTROYED)|ECONNRESET|EPIPE)$/, 'the connection to the database was lost'],
  [/^(22|23|54)/, 'the run does not fit the schema'],
];

/** What went wrong, in one line, out of whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '' && thrown.errors.length > 0)
    return reasonOf(thrown.errors[0]);
  const [text = ''] = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n', 1);
  const code = String((thrown as { readonly code?: unknown } | null)?.code ?? '');
  const sentence = known.find(([pattern]) => pattern.test(code))?.[1];
  return sentence === undefined ? text : `${sentence} (${text})`;
}

/** The same with what can be done about it, for the one line that says what was not saved; without a full stop. */
export function whyUnsaved(thrown: unknown): string {
  const hint = thrown instanceof DatabaseUnavailable ? thrown.hint : '';
  return hint === '' ? reasonOf(thrown) : `${reasonOf(thrown)}. ${hint.replace(/\.$/, '')}`;
}
