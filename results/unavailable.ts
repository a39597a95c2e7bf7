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

/** What went wrong, in one line, out of whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '' && thrown.errors.length > 0)
    return reasonOf(thrown.errors[0]);
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.split('\n', 1)[0];
}

/** The same with what can be done about it, for the one line that says what was not saved. */
export function whyUnsaved(thrown: unknown): string {
  const hint = thrown instanceof DatabaseUnavailable ? thrown.hint : '';
  return hint === '' ? reasonOf(thrown) : `${reasonOf(thrown)}. ${hint}`;
}
