/** A driver's command as the user types it, and what of its surroundings may be repeated to the user. */
import { StringDecoder } from 'node:string_decoder';
import { BadInput } from '../errors.ts';

/**
 * The words of a command line: quotes and backslashes as in a shell, and nothing else of a shell; whoever needs one says `sh -c '…'`.
 *
 * @throws BadInput
 */
export function wordsOf(flag: string, text: string): readonly [string, ...string[]] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (quote !== '' && letter === quote) quote = '';
    else if (quote === '' && (letter === '"' || letter === "'")) {
      quote = letter;
      word ??= '';
    } else if (letter === '\\' && quote !== "'" && i + 1 < text.length) word = (word ?? '') + text[++i];
    else if (quote === '' && /\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + letter;
  }
  if (quote !== '') throw new BadInput(`${flag} ${text}: a quote (${quote}) is not closed.`);
  if (word !== undefined) words.push(word);
  const [first, ...rest] = words;
  if (first === undefined || first === '')
    throw new BadInput(`${flag} needs a command, such as 'python3 my_driver.py'.`);
  return [first, ...rest];
}

/** What a setting or a variable that holds a secret may be called. */
export const SECRET_NAME = /pass(word|wd|phrase)?|secret|token|credential|api_?key|private_?key|auth/i;
/** A shorter one would blot out half of every sentence. */
const SECRET_LENGTH_MIN = 4;

type Env = Readonly<Record<string, string | undefined>>;

/** Values of variables that are named like a secret; the longest first, for one may have another in it. */
function secretsIn(env: Env): readonly string[] {
  return Object.entries(env)
    .flatMap(([name, value = '']) =>
      // A path, as of an agent's socket, is none.
      value.length < SECRET_LENGTH_MIN || !SECRET_NAME.test(name) || value.startsWith('/') ? [] : [value],
    )
    .sort((a, b) => b.length - a.length);
}

/** Takes secrets out of what others wrote: what stands before the @ of a URL, and values of variables that are named like one. */
export function withoutSecrets(text: string, env: Env = process.env): string {
  return clean(text, secretsIn(env));
}

function clean(text: string, secrets: readonly string[]): string {
  return secrets.reduce(
    (left, secret) => left.replaceAll(secret, '***'),
    text.replace(/(?<=\w:\/\/)[^\s/@]+@/g, '***@'),
  );
}

/** A line without end is not waited for: so many characters of it are held back. */
const HELD_MAX = 16 * 1024;

/**
 * Takes secrets out of what is written bit by bit. The last line is held back until it has ended, and a line that may be within a
 * secret until that is told: so one that comes in two pieces is found as well.
 */
export class SecretScreen {
  readonly #secrets: readonly string[];
  readonly #decoder = new StringDecoder('utf8');
  #held = '';

  constructor(env: Env = process.env) {
    this.#secrets = secretsIn(env);
  }

  /** What may be shown by now. */
  push(chunk: Buffer): string {
    this.#held += this.#decoder.write(chunk);
    const wanted = Math.max(this.#held.lastIndexOf('\n') + 1, this.#held.length - HELD_MAX);
    return this.#shown(this.#outside(wanted));
  }

  /** What was still held back, at the end of what is written. */
  end(): string {
    this.#held += this.#decoder.end();
    return this.#shown(this.#held.length);
  }

  #shown(end: number): string {
    const shown = clean(this.#held.slice(0, end), this.#secrets);
    this.#held = this.#held.slice(end);
    return shown;
  }

  /** The last place up to there that is not within a secret, whole or only begun. */
  #outside(wanted: number): number {
    const begins = (at: number, end: number): boolean =>
      this.#secrets.some(
        (secret) => at + secret.length > end && secret.startsWith(this.#held.slice(at, at + secret.length)),
      );
    const longest = this.#secrets[0]?.length ?? 0;
    let end = wanted;
    for (let at = end - 1; at >= 0 && at > end - longest; at--) if (begins(at, end)) end = at;
    // Whoever writes a secret over and over is not waited for either.
    return wanted - end > HELD_MAX + longest ? wanted : end;
  }
}

const SAID_MAX = 300;

/** What somebody else wrote, as part of a sentence of ours: one line, not too long, no secret. */
export function quoted(text: string): string {
  const line = withoutSecrets(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  return line.length > SAID_MAX ? `${line.slice(0, SAID_MAX)}…` : line;
}

/** The environment of a driver: ours, but for where our own results go. */
export function driverEnv(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'TIDEMARK_DATABASE_URL'));
}
