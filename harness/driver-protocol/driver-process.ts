/**
 * One driver: a child process that is asked in lines and answers in lines. Whatever it does, every question ends: with its
 * answer, or with a {@link Trouble} that says what was wrong. After nonsense it is asked no more, and ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Cancel, MILLISECOND, realClock, SECOND } from '../../history/clock.ts';
import { lastWordsOf } from '../environments/real/last-words.ts';
import { driverEnv, quoted, SecretScreen } from './command.ts';
import { LineReader } from './lines.ts';
import { type Answer, answerOf, Nonsense } from './words.ts';

/** Why a driver did not answer a question as it should, in words for the journal. */
export class Trouble extends Error {}

/** What drivers did that they should not; each is counted in the run's summary. */
export type Misdeed = 'late answers' | 'second answers' | 'lines that are no answer' | 'ends of their own' | 'silences';

export interface ProcessOptions {
  readonly command: readonly [string, ...string[]];
  readonly count: (misdeed: Misdeed) => void;
}

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (trouble: Trouble) => void;
  readonly cancel: Cancel;
}

const clock = realClock();
/** Ends the driver when this process ends, however it ends. util-linux 2.33 or later. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
/** How long a driver may take to end once its input has ended. */
const GOODBYE_NS = 500 * MILLISECOND;
/** How long one that owes an answer is listened to, to tell late from never. */
const LINGER_NS = SECOND;
/** Its last words may come after its end. */
const AFTERWORDS_NS = 100 * MILLISECOND;
const KILLED_NS = 5 * SECOND;
const LAST_WORDS_LENGTH = 2000;
const EARLY_CHUNKS_MAX = 50;

const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) killGroup(child);
});

export class DriverProcess {
  readonly #count: (misdeed: Misdeed) => void;
  readonly #child: ChildProcess;
  readonly #reader = new LineReader();
  readonly #pending = new Map<number, Pending>();
  /** Asked, and given up: an answer to one of these is late. */
  readonly #givenUp = new Set<number>();
  readonly #gone: Promise<void>;
  #markGone: () => void = () => undefined;
  readonly #screen = new SecretScreen();
  #log: ((text: string) => void) | undefined;
  /** What it wrote to stderr before anybody wanted it. */
  #early: string[] = [];
  #nextId = 0;
  #lastWords = '';
  /** Why it is asked no more. */
  #over: string | undefined;
  #ending = false;
  #goodbye: Promise<void> | undefined;

  constructor({ command: [program, ...rest], count }: ProcessOptions) {
    this.#count = count;
    const words = SETPRIV === undefined ? [program, ...rest] : [SETPRIV, '--pdeathsig', 'KILL', '--', program, ...rest];
    this.#child = spawn(words[0], words.slice(1), { stdio: 'pipe', detached: true, env: driverEnv() });
    this.#gone = new Promise((resolve) => (this.#markGone = resolve));
    const child = this.#child;
    living.add(child);
    child.once('error', (error) => this.#ended(quoted(error.message)));
    child.once('exit', (code, signal) => {
      killGroup(child); // what it has started and left behind
      living.delete(child);
      const how = signal === null ? `with code ${code}` : `by ${signal}`;
      // What it wrote before is read first; whoever else holds its output is not waited for.
      const over = (): void => this.#ended(`ended ${how}${this.#wordsSaid()}`);
      const cancel = clock.timer(clock.now() + AFTERWORDS_NS, over);
      child.once('close', () => {
        cancel();
        over();
      });
    });
    child.stdin?.on('error', () => undefined); // its end says more
    child.stdout?.on('error', () => undefined).on('data', (chunk: Buffer) => this.#heard(chunk));
    child.stderr
      ?.on('error', () => undefined)
      .on('data', (chunk: Buffer) => this.#said(this.#screen.push(chunk)))
      .on('close', () => this.#said(this.#screen.end()));
  }

  /** What it writes to stderr goes there, line by line, without secrets. */
  logTo(log: (text: string) => void): void {
    this.#log = log;
    for (const text of this.#early.splice(0)) log(text);
  }

  /** Whether it may be asked. */
  get usable(): boolean {
    return this.#over === undefined && !this.#ending;
  }

  /** Why not. */
  get why(): string {
    return this.#over ?? 'the driver was told to end';
  }

  /** Sends a question and waits for its answer. Rejects with {@link Trouble}, and with nothing else. */
  ask(question: Readonly<Record<string, unknown>>, withinNs: number): Promise<Answer> {
    if (!this.usable) return Promise.reject(new Trouble(this.why));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const cancel = clock.timer(clock.now() + withinNs, () => {
        this.#pending.delete(id);
        this.#givenUp.add(id);
        reject(new Trouble(`the driver did not answer within ${Math.round(withinNs / MILLISECOND)} ms`));
      });
      this.#pending.set(id, { resolve, reject, cancel });
      this.#child.stdin?.write(`${JSON.stringify({ id, ...question })}\n`);
    });
  }

  /** Lets it end in good order, or ends it; resolves when it is gone. */
  end(): Promise<void> {
    this.#goodbye ??= this.#end();
    return this.#goodbye;
  }

  async #end(): Promise<void> {
    this.#ending = true;
    if (this.#over === undefined) {
      const owes = this.#pending.size > 0 || this.#givenUp.size > 0;
      if (!owes) this.#child.stdin?.write(`${JSON.stringify({ id: this.#nextId++, type: 'close' })}\n`);
      this.#child.stdin?.end();
      await this.#goneWithin(owes ? LINGER_NS : GOODBYE_NS);
      if (this.#givenUp.size > 0) this.#count('silences');
    }
    killGroup(this.#child);
    await this.#goneWithin(KILLED_NS);
  }

  /** To stderr. It is cut only now that no secret is in it, of which half would be left. */
  #said(text: string): void {
    if (text === '') return;
    this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_LENGTH);
    if (this.#log !== undefined) return this.#log(text);
    this.#early.push(text.slice(0, LAST_WORDS_LENGTH));
    if (this.#early.length > EARLY_CHUNKS_MAX) this.#early.shift();
  }

  #heard(chunk: Buffer): void {
    if (this.#over !== undefined) return;
    try {
      this.#take(this.#reader.push(chunk));
    } catch (error) {
      if (!(error instanceof Nonsense)) throw error;
      this.#misbehaved('lines that are no answer', quoted(error.message));
    }
  }

  /** All answers of one chunk at once: of two to one question neither is believed. */
  #take(lines: readonly string[]): void {
    const answers = new Map<number, Answer>();
    for (const line of lines) {
      const answer = answerOf(line);
      const { id } = answer;
      if (this.#givenUp.delete(id)) {
        this.#count('late answers');
      } else if (answers.has(id) || (id >= 0 && id < this.#nextId && !this.#pending.has(id))) {
        if (this.#ending) continue; // to `close`, which nobody waits for
        this.#misbehaved('second answers', `the driver answered question ${id} twice`);
        return;
      } else if (!this.#pending.has(id)) {
        this.#misbehaved('lines that are no answer', `the driver answered question ${id}, which nobody had asked`);
        return;
      } else answers.set(id, answer);
    }
    for (const [id, answer] of answers) {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      pending?.cancel();
      pending?.resolve(answer);
    }
  }

  #misbehaved(misdeed: Misdeed, why: string): void {
    this.#count(misdeed);
    this.#stop(why);
    this.#child.stdout?.destroy();
    killGroup(this.#child);
  }

  #ended(how: string): void {
    if (this.#over === undefined && !this.#ending) this.#count('ends of their own');
    this.#stop(`the driver ${how}`);
    this.#markGone();
  }

  #stop(why: string): void {
    this.#over ??= why;
    for (const { cancel, reject } of this.#pending.values()) {
      cancel();
      reject(new Trouble(this.#over));
    }
    this.#pending.clear();
  }

  #wordsSaid(): string {
    this.#said(this.#screen.end()); // of a line that it did not end
    const words = lastWordsOf(this.#lastWords.replace(/^setpriv: /gm, ''));
    return words === undefined ? '' : `: ${quoted(words)}`;
  }

  async #goneWithin(ns: number): Promise<void> {
    let cancel: Cancel = () => undefined;
    await Promise.race([this.#gone, new Promise<void>((resolve) => (cancel = clock.timer(clock.now() + ns, resolve)))]);
    cancel();
  }
}

/** The driver and whatever it has started itself. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || !living.has(child)) return; // then the number may be somebody else's
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}
