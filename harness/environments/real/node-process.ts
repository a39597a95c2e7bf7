/** One node as a real process: started, killed, stopped and let go on, by its pid alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';
import { lastWordsOf } from './last-words.ts';

const clock = realClock();
const LAST_WORDS_BYTES = 4000;
const STATE_NS = 2 * SECOND;
/** Of a store of many processes, on a machine that has little time for them. */
const STATES_NS = 8 * SECOND;
/** Ends the node when this process ends, however it ends. util-linux 2.33 or later. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

export interface ProcessOptions {
  readonly command: readonly [string, ...string[]];
  /** Appended to by every life; this process's own stderr if not given. */
  readonly log?: string;
  /** This process's own if not given. */
  readonly env?: NodeJS.ProcessEnv;
  /** The store is this process and all that come from it: all are killed, and stopped in their tracks, together. */
  readonly tree?: true;
  /** What ends it in good order: SIGTERM if not given. */
  readonly stopSignal?: NodeJS.Signals;
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
    const { pid } = this;
    const tree = pid === undefined || this.#options.tree === undefined ? [] : await held(pid);
    for (const one of tree) if (one !== pid) signal(one, 'SIGKILL');
    const was = await this.#end('SIGKILL');
    await until(tree, 'SIGKILL', (state) => 'ZX'.includes(state));
    return was;
  }

  /** SIGTERM, or what ends it in good order, and SIGKILL when that takes too long. */
  async stop(withinNs: number): Promise<void> {
    const cancel = clock.timer(clock.now() + withinNs, () => void this.kill());
    await this.#end(this.#options.stopSignal ?? 'SIGTERM');
    cancel();
  }

  async #end(signal: NodeJS.Signals): Promise<boolean> {
    const child = this.#child;
    if (child === undefined) return false;
    this.#expected = true;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    if (signal !== 'SIGKILL') child.kill('SIGCONT'); // a stopped process takes no other signal
    await gone;
    return true;
  }

  /** SIGSTOP; resolves once the kernel says that it has stopped. */
  async pause(): Promise<boolean> {
    if (this.#options.tree === undefined || this.pid === undefined)
      return this.#until('SIGSTOP', (state) => state === 'T');
    await held(this.pid);
    return this.up;
  }

  async resume(): Promise<boolean> {
    if (this.#options.tree === undefined || this.pid === undefined)
      return this.#until('SIGCONT', (state) => state !== 'T');
    const tree = descent(this.pid);
    for (const pid of tree) signal(pid, 'SIGCONT');
    await until(tree, 'SIGCONT', (state) => state !== 'T');
    return this.up;
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
      return [lastWordsOf(readFileSync(this.#options.log, 'utf8').slice(-LAST_WORDS_BYTES)) ?? 'it said nothing'];
    } catch {
      return ['it left no log'];
    }
  }
}

/** Stops a process and all that come from it, so that nobody makes another one; resolves with all of them once they are stopped. */
async function held(root: number): Promise<readonly number[]> {
  const deadline = clock.now() + STATES_NS;
  for (;;) {
    const tree = descent(root);
    const running = tree.filter((pid) => !'TZX'.includes(stateOf(pid)));
    if (running.length === 0) return tree;
    for (const pid of running) signal(pid, 'SIGSTOP');
    if (clock.now() > deadline) throw new Error(`processes ${running.join(', ')} did not react to SIGSTOP`);
    await clock.sleepUntil(clock.now() + MILLISECOND);
  }
}

async function until(
  tree: readonly number[],
  sent: NodeJS.Signals,
  reached: (state: string) => boolean,
): Promise<void> {
  const deadline = clock.now() + STATES_NS;
  for (;;) {
    const rest = tree.filter((pid) => !reached(stateOf(pid)));
    if (rest.length === 0) return;
    if (clock.now() > deadline) throw new Error(`processes ${rest.join(', ')} did not react to ${sent}`);
    await clock.sleepUntil(clock.now() + MILLISECOND);
  }
}

function signal(pid: number, sent: NodeJS.Signals): void {
  try {
    process.kill(pid, sent);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has ended meanwhile
  }
}

/** A process and all that come from it, whoever is their group's leader. */
function descent(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const parent = Number.isNaN(pid) ? undefined : parentOf(pid);
    if (parent === undefined) continue;
    const known = children.get(parent);
    if (known === undefined) children.set(parent, [pid]);
    else known.push(pid);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]);
  } catch {
    return undefined; // it has ended meanwhile
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
