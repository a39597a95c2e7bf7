/** A run of the program in a process of its own, as a user starts it; followed by the journal that it writes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asset } from '../../harness/entry.ts';
import { type Clock, MILLISECOND } from '../../history/clock.ts';
import type { Mark } from './moments.ts';

const LOOK_NS = 20 * MILLISECOND;
const WORDS = 4_000;

export interface Surroundings {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** One program that has come to its end. */
export interface Done {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly ns: number;
}

export class Subject {
  readonly #clock: Clock;
  readonly #cwd: string;
  readonly #child: ChildProcess;
  readonly #before: ReadonlySet<string>;
  readonly #from: number;
  readonly ended: Promise<Done>;
  #isOver = false;

  constructor(clock: Clock, args: readonly string[], { cwd, env }: Surroundings) {
    this.#clock = clock;
    this.#cwd = cwd;
    this.#before = new Set(this.#runs());
    this.#from = clock.now();
    this.#child = spawn(process.execPath, [asset('bin/tidemark.mjs'), ...args], { cwd, env, stdio: 'pipe' });
    this.#child.stdin?.end();
    const words = { out: '', err: '' };
    for (const name of ['out', 'err'] as const) {
      const stream = name === 'out' ? this.#child.stdout : this.#child.stderr;
      stream?.setEncoding('utf8').on('data', (text: string) => (words[name] = (words[name] + text).slice(-WORDS)));
    }
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      // Not `close`: what it leaves running may hold its output.
      this.#child.once('exit', (code) => {
        this.#isOver = true;
        resolve({ code, ...words, ns: clock.now() - this.#from });
      });
    });
  }

  /** Since it was started. */
  get ns(): number {
    return this.#clock.now() - this.#from;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Its id, once it has a folder. */
  get run(): string | undefined {
    return this.#runs().find((name) => !this.#before.has(name));
  }

  get folder(): string {
    return join(this.#cwd, '.tidemark', 'runs', this.run ?? '-');
  }

  /** All that its journal holds so far; empty before there is one. */
  journal(): string {
    try {
      return readFileSync(join(this.folder, 'journal.jsonl'), 'utf8');
    } catch {
      return '';
    }
  }

  has(mark: Mark): boolean {
    if (mark === 'folder') return this.run !== undefined;
    return this.journal().includes(`"phase","value":"${mark}"`);
  }

  /** Resolves with whether it was still alive when `look` said yes. */
  async until(look: () => boolean, withinNs: number, meanwhile: () => void = () => undefined): Promise<boolean> {
    const deadline = this.#clock.now() + withinNs;
    while (!this.#isOver && this.#clock.now() < deadline) {
      if (look()) return true;
      meanwhile();
      await this.#clock.sleepUntil(this.#clock.now() + LOOK_NS);
    }
    return false;
  }

  signal(name: 'SIGSTOP' | 'SIGKILL'): void {
    this.#child.kill(name);
  }

  #runs(): readonly string[] {
    try {
      return readdirSync(join(this.#cwd, '.tidemark', 'runs')).filter((name) => !name.startsWith('.'));
    } catch {
      return []; // nothing was run here yet
    }
  }
}
