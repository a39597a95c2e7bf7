/** Why some input is no history: one sentence, and the line it is about. */
export class BadHistory extends Error {
  /** One sentence that ends with a full stop, without file and line. */
  readonly reason: string;
  /** 1-based; undefined for histories made through the API. */
  readonly line: number | undefined;
  readonly file: string | undefined;
  constructor(reason: string, line?: number, file?: string) {
    const where = [file, line === undefined ? undefined : `line ${line}`]
      .filter((part) => part !== undefined)
      .join(', ');
    super(where === '' ? reason : `${where}: ${reason}`);
    this.name = 'BadHistory';
    this.reason = reason;
    this.line = line;
    this.file = file;
  }
}
