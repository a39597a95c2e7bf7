/** Where killed runs run: what there is of one, and what rules of it are in force. */
import { prepared } from '../../harness/environments/docker/deploy.ts';
import { type Line, listing, Marks, rulesWithin } from './listing.ts';

export interface Ground {
  /** What a run needs to be told. */
  readonly flags: readonly string[];
  /** Remembers what a run's things are called, while they are there. */
  learn(run: string): Promise<void>;
  /** All that is of runs of ours. */
  left(): Promise<readonly Line[]>;
  /** All that is of anybody's. */
  all(): Promise<readonly Line[]>;
  /** What faults have changed where a run's nodes are, while it lives. */
  within(run: string): Promise<readonly Line[]>;
  /** Kills what on the nodes would undo faults by itself; undefined where a kill of the harness is all that can happen. */
  killAgents?(): Promise<void>;
  remove(): Promise<void>;
}

/** Folders are seen in commands and working folders of processes; the temporary one is also looked into. */
export async function dockerGround(folder: string, temporary: string): Promise<Ground> {
  const { engine } = await prepared(new Map(), (line) => console.error(line));
  const marks = new Marks(folder);
  return {
    flags: ['--env', 'docker'],
    learn: (run) => marks.learn(engine, run),
    all: () => listing(engine, temporary),
    left: async () => marks.of(await listing(engine, temporary)),
    within: (run) => rulesWithin(engine, run),
    remove: async () => undefined,
  };
}
