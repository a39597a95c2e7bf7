/** A driver's command as the user types it, and what of its surroundings may be repeated to the user. */
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

/** Takes secrets out of what others wrote: what stands before the @ of a URL, and values of variables that are named like one. */
export function withoutSecrets(text: string, env: Readonly<Record<string, string | undefined>> = process.env): string {
  let clean = text.replace(/(\w+:\/\/)[^\s/@]+@/g, '$1***@');
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value.length < SECRET_LENGTH_MIN || !SECRET_NAME.test(name)) continue;
    if (!value.startsWith('/')) clean = clean.replaceAll(value, '***'); // a path, as of an agent's socket, is none
  }
  return clean;
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
