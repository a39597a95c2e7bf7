/**
 * Which machines runs of this folder are on, kept beside them while they live: so that 'tidemark cleanup' knows where to look
 * for what a killed one left. There are no secrets in it.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { owner, stateOf } from '../docker/owner.ts';

const HERE = ['hosts', 'hosts-file', 'user', 'port', 'key', 'jump', 'known-hosts', 'folder', 'store-port'] as const;

export interface Entry {
  readonly run: string;
  readonly owner: string;
  readonly settings: Readonly<Record<string, string>>;
}

function home(): string {
  return join(process.cwd(), '.tidemark', 'ssh');
}

export class Register {
  readonly #run: string;
  readonly #file: string;

  constructor(run: string) {
    this.#run = run;
    this.#file = join(home(), `${run}.json`);
  }

  enter(settings: ReadonlyMap<string, string>): void {
    mkdirSync(home(), { recursive: true });
    const kept = HERE.flatMap((name) => {
      const value = settings.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const entry: Entry = { run: this.#run, owner: owner(), settings: Object.fromEntries(kept) };
    // Whole, or not there.
    writeFileSync(`${this.#file}.new`, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }

  leave(): void {
    rmSync(this.#file, { force: true });
    try {
      rmdirSync(home());
      rmdirSync(dirname(home()));
    } catch {
      // Others are in it.
    }
  }
}

/** Of runs whose harness is gone, or cannot be seen from here: their machines know which live. */
export function abandoned(): readonly Entry[] {
  if (!existsSync(home())) return [];
  return readdirSync(home())
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      try {
        return [JSON.parse(readFileSync(join(home(), name), 'utf8')) as Entry]; // ours
      } catch {
        return []; // being written, or removed
      }
    })
    .filter((entry) => stateOf(entry.owner) !== 'alive');
}
