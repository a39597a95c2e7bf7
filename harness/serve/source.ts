/** What the pages show: stored runs, and the folders of those in progress. A database that went away is looked for again. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, MILLISECOND, realClock, wallTime } from '../../history/clock.ts';
import { within } from '../../results/database.ts';
import { isUnfinished, readRun, RUN_ID, runFolder, unfinishedIds } from '../../results/files.ts';
import type { RunRecord } from '../../results/record.ts';
import { openStoredRuns, type StoredRuns } from '../../results/stored.ts';
import type { Found, RunFilter, RunSummary } from '../../results/summary.ts';
import { fromStoredText } from '../../results/text.ts';
import type { Choices } from './list-page.ts';
import { type Trend, trendsOf } from './trends.ts';

/** A journal that nobody has written for so long is that of a run that was killed, or waits for something. */
const SILENT_MS = 60_000;
/** How often a database that is not there is looked for. */
const AGAIN_NS = 5_000 * MILLISECOND;

export type LiveState = 'running' | 'silent' | 'ended';

export interface SourceOptions {
  readonly folder: string;
  readonly url: string | undefined;
  readonly warn: (sentence: string) => void;
}

export class RunSource {
  readonly #options: SourceOptions;
  readonly #clock: Clock = realClock();
  #stored: StoredRuns;
  #opened: number;

  private constructor(options: SourceOptions, stored: StoredRuns) {
    this.#options = options;
    this.#stored = stored;
    this.#opened = this.#clock.now();
  }

  static async open(options: SourceOptions): Promise<RunSource> {
    return new RunSource(options, await openStoredRuns(options));
  }

  /** Why not all runs are seen, or empty. */
  get trouble(): string {
    return this.#stored.incomplete ? 'The database cannot be had now: only runs in files are shown.' : '';
  }

  /** Does it, and once more with what is opened anew where the database failed. */
  async #with<T>(work: (stored: StoredRuns) => Promise<T>): Promise<T> {
    const isAway = this.#stored.database === undefined;
    if (isAway && this.#clock.now() - this.#opened > AGAIN_NS) await this.#reopen();
    try {
      return await work(this.#stored);
    } catch (error) {
      if (this.#stored.database === undefined) throw error;
      await this.#reopen();
      return work(this.#stored);
    }
  }

  async #reopen(): Promise<void> {
    const old = this.#stored;
    this.#opened = this.#clock.now();
    this.#stored = await openStoredRuns({
      ...this.#options,
      warn: old.incomplete ? () => undefined : this.#options.warn,
    });
    await old.close();
  }

  list(filter: RunFilter): Promise<readonly RunSummary[]> {
    return this.#with((stored) => stored.list(filter));
  }

  find(word: string): Promise<Found> {
    return this.#with((stored) => stored.find(word));
  }

  async load(id: string): Promise<RunRecord | undefined> {
    return RUN_ID.test(id) ? this.#with((stored) => stored.load(id)) : undefined;
  }

  /** The runs of a branch, newest first. */
  ofBranch(branch: string, limit: number): Promise<readonly RunSummary[]> {
    return this.list({ branch, limit });
  }

  /** What stored runs have, to choose from. */
  choices(): Promise<Choices> {
    return this.#with(async ({ database, list }) => {
      if (database === undefined) {
        const runs = await list({});
        const distinct = (of: (run: RunSummary) => string | undefined): readonly string[] =>
          [...new Set(runs.flatMap((run) => of(run) ?? []))].sort();
        return {
          systems: distinct((run) => run.system),
          environments: distinct((run) => run.environment),
          branches: distinct((run) => run.branch),
        };
      }
      const query = database.sql<{ systems: string; environments: string; branches: string }[]>`
        select
          (select coalesce(json_agg(system order by system), '[]') from (select distinct system from tidemark.runs) as s)::text as systems,
          (select coalesce(json_agg(environment order by environment), '[]')
            from (select distinct environment from tidemark.runs) as e)::text as environments,
          (select coalesce(json_agg(git_branch order by git_branch), '[]')
            from (select distinct git_branch from tidemark.runs where git_branch is not null limit 200) as b)::text as branches`;
      const [row] = await within(database.clock, 10_000, 'the runs could not be listed', query);
      const names = (json: string): readonly string[] => (JSON.parse(json) as string[]).map(fromStoredText);
      return { systems: names(row.systems), environments: names(row.environments), branches: names(row.branches) };
    });
  }

  trends(branch: string, system: string): Promise<readonly Trend[]> {
    return this.#with(async ({ database }) => (database === undefined ? [] : trendsOf(database, branch, system)));
  }

  /** Runs whose journal is being written. */
  running(): readonly string[] {
    return unfinishedIds(this.#options.folder)
      .slice(0, 50)
      .filter((id) => this.#isWritten(id));
  }

  /** Whether there are files of it. */
  isKnown(id: string): boolean {
    return RUN_ID.test(id) && (this.#hasEnded(id) || isUnfinished(this.#options.folder, id));
  }

  /** Only of what {@link isKnown}. */
  stateOf(id: string): LiveState {
    if (this.#hasEnded(id)) return 'ended';
    return this.#isWritten(id) ? 'running' : 'silent';
  }

  /** One that cannot be read has. */
  #hasEnded(id: string): boolean {
    try {
      return readRun(this.#options.folder, id) !== undefined;
    } catch {
      return true;
    }
  }

  /** Its folder is there before its journal. */
  #isWritten(id: string): boolean {
    const [journal, folder] = [this.journal(id), runFolder(this.#options.folder, id)].map((path) =>
      statSync(path, { throwIfNoEntry: false }),
    );
    return wallTime().getTime() - ((journal ?? folder)?.mtimeMs ?? 0) < SILENT_MS;
  }

  /** Only of what {@link isKnown}. */
  journal(id: string): string {
    return join(runFolder(this.#options.folder, id), 'journal.jsonl');
  }

  close(): Promise<void> {
    return this.#stored.close();
  }
}
