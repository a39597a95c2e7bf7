/** One node as a real process: started, killed, stopped and let go on, by its pid alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';

const clock = realClock();
const LAST_WORDS_BYTES = 600;
const STATE_NS = 2 * SECOND;
/** Ends the node when this process ends, however it ends. util-linux 2.33 or later. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

export interface ProcessOptions {
  readonly command: readonly [string, ...string[]];
  /** Appended to by every life; this process's own stderr if not given. */
  readonly log?: string;
  /** This process's own if not given. */
  readonly env?: NodeJS.ProcessEnv;
  /** The process has ended; `expected`: by `kill` or `stop`. */
  readonly ended: (how: { readonly expected: boolean; readonly reason: string; readonly code?: number }) => void;
}

export class NodeProcess {
  readonly #options: ProcessOptions;
  #child: ChildProcess | undefined;
  #expected = false;
  lives = 0;

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#child !== undefined;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    if (this.#child !== undefined) return;
    const [program, ...rest] = this.#options.command;
    const command = SETPRIV === undefined ? [program, ...rest] : [SETPRIV, '--pdeathsig', 'KILL', program, ...rest];
    const log = this.#options.log === undefined ? 2 : openSync(this.#options.log, 'a');
    const child = spawn(command[0], command.slice(1), {
      stdio: ['ignore', log, log],
      ...(this.#options.env !== undefined && { env: this.#options.env }),
    });
    if (log !== 2) closeSync(log);
    this.lives++;
    this.#expected = false;
    this.#child = child;
    const over = (reason: string, code: number | null = null): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#options.ended({ expected: this.#expected, reason, ...(code !== null && { code }) });
    };
    child.once('error', (error) => over(error.message));
    child.once('exit', (code, signal) => over([signal ?? `code ${code}`, ...this.#lastWords()].join(': '), code));
  }

  /** SIGKILL; resolves when the process is gone. False: there was none. */
  async kill(): Promise<boolean> {
    return this.#end('SIGKILL');
  }

  /** SIGTERM, and SIGKILL when that takes too long. */
  async stop(withinNs: number): Promise<void> {
    const cancel = clock.timer(clock.now() + withinNs, () => void this.#child?.kill('SIGKILL'));
    await this.#end('SIGTERM');
    cancel();
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<boolean> {
    const child = this.#child;
    if (child === undefined) return false;
    this.#expected = true;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    if (signal === 'SIGTERM') child.kill('SIGCONT'); // a stopped process takes no other signal
    await gone;
    return true;
  }

  /** SIGSTOP; resolves once the kernel says that it has stopped. */
  async pause(): Promise<boolean> {
    return this.#until('SIGSTOP', (state) => state === 'T');
  }

  async resume(): Promise<boolean> {
    return this.#until('SIGCONT', (state) => state !== 'T');
  }

  async #until(signal: 'SIGSTOP' | 'SIGCONT', reached: (state: string) => boolean): Promise<boolean> {
    const child = this.#child;
    if (child?.pid === undefined) return false;
    child.kill(signal);
    const deadline = clock.now() + STATE_NS;
    while (this.#child === child && !reached(stateOf(child.pid))) {
      if (clock.now() > deadline) throw new Error(`process ${child.pid} did not react to ${signal}`);
      await clock.sleepUntil(clock.now() + MILLISECOND);
    }
    return this.#child === child;
  }

  /** None where somebody else keeps the log. */
  #lastWords(): readonly string[] {
    if (this.#options.log === undefined) return [];
    try {
      const lines = readFileSync(this.#options.log, 'utf8').slice(-LAST_WORDS_BYTES).trim().split('\n');
      // Of an uncaught error, what comes before its stack.
      const words = lines.filter((line) => /^\S/.test(line) && !line.startsWith('Node.js v'));
      return [words.at(-1) ?? 'it said nothing'];
    } catch {
      return ['it left no log'];
    }
  }
}

/** The kernel's letter: R, S, D, T (stopped), Z; X for a process that is gone. */
export function stateOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.charAt(stat.lastIndexOf(')') + 2);
  } catch {
    return 'X';
  }
}
