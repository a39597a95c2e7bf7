/** Commands as a POSIX shell takes them. */

/** A word, quoted where the shell would make something else of it: a driver's command has spaces in it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A value of {@link shellWord} with its flag, for lists of such. */
export function flagged(flag: string, values: readonly string[]): readonly string[] {
  return values.map((value) => `--${flag} ${shellWord(value)}`);
}

/** The words of a command that is made of {@link shellWord}, each as it stands there. */
export function wordsIn(command: string): readonly string[] {
  return command.match(/(?:'[^']*'|\\.|[^\s'\\])+/g) ?? [];
}
