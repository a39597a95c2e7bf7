/** What a run's figures are of: the operations of its load, and how stale the reads among them were, with one answer for every page. */
import { defaultSemantics, type Semantics } from '../checkers/checker.ts';
import { Registers } from '../checkers/sessions/registers.ts';
import { summaryOf } from '../checkers/staleness.ts';
import { type Ages, agesOf } from '../checkers/staleness/ages.ts';
import { CAS, type History, NONE, READ, WRITE } from '../history/history.ts';
import type { StalenessRecord } from '../results/record.ts';
import { EPILOGUE_SESSION } from './driver.ts';
import { keysByWritePath } from './judge.ts';

/**
 * Without what the harness itself asked when the load was over, nodes by name among it: that is evidence for verdicts, and says nothing of
 * what clients met with.
 */
export function ofLoad(history: History): History {
  const isFinal = history.sessions.map((session) => session === EPILOGUE_SESSION);
  const byName = history.paths.map((path) => path.startsWith('node:'));
  const { path, session } = history;
  return history.filter((row) => !(isFinal[session[row]] || byName[path[row]]));
}

/** Without the reads of keys that nobody wrote to: they belong to no write path, and nothing could have been newer. */
export function ofWrittenKeys(history: History): History {
  const isWritten = new Uint8Array(history.keys.length);
  const { f, key, path } = history;
  for (let row = 0; row < history.length; row++)
    if ((f[row] === WRITE || f[row] === CAS) && path[row] !== NONE) isWritten[key[row]] = 1;
  return history.filter((row) => f[row] !== READ || isWritten[key[row]] === 1);
}

export interface Believing {
  /** Read paths that may show what has not taken effect. */
  readonly uncommitted: readonly string[];
  /** `undoneWrites` of the whole history, the harness's own reads with it. */
  readonly undone: ReadonlySet<number>;
}

/** A read whose age is known: its row in `part`, and its place in `ages`. */
export type AgedRead = (part: History, row: number, ages: Ages, place: number) => void;

/**
 * All reads of an {@link ofLoad} whose age is known, each once. What was done through any path is evidence, save the reads of
 * uncommitted paths: those are only evidence for themselves.
 */
export function eachAgedRead(history: History, { uncommitted, undone }: Believing, tell: AgedRead): void {
  const semantics: Semantics = { ...defaultSemantics, undone };
  const risky = uncommitted.map((name) => history.paths.indexOf(name)).filter((path) => path !== NONE);
  const { f, path } = history;
  for (const blamed of [undefined, ...risky]) {
    const gone = risky.filter((one) => one !== blamed);
    const part = gone.length === 0 ? history : history.filter((row) => f[row] !== READ || !gone.includes(path[row]));
    const ages = agesOf(new Registers(part, semantics), undone, semantics);
    for (let place = 0; place < ages.count; place++) {
      const row = ages.row[place];
      if (part.f[row] !== READ || part.path[row] === NONE) continue;
      if (blamed === undefined || part.path[row] === blamed) tell(part, row, ages, place);
    }
  }
}

/** Row by row of the matrix; over all write paths they add up to what {@link eachAgedRead} tells of a read path. */
export function stalenessRecords(
  history: History,
  { writePaths, readPaths }: { readonly writePaths: readonly string[]; readonly readPaths: readonly string[] },
  believing: Believing,
): readonly StalenessRecord[] {
  const lanes = keysByWritePath(history, writePaths);
  const found = new Map<string, { readonly lowNs: number; readonly versions: number }[]>();
  eachAgedRead(history, believing, (part, row, ages, place) => {
    const lane = lanes[part.key[row]];
    if (lane === NONE) return;
    const name = JSON.stringify([writePaths[lane], part.paths[part.path[row]]]);
    const age = { lowNs: ages.low[place], versions: ages.versions[place] };
    const some = found.get(name);
    if (some === undefined) found.set(name, [age]);
    else some.push(age);
  });
  return writePaths.flatMap((writePath) =>
    readPaths.flatMap((readPath): StalenessRecord[] => {
      const ages = found.get(JSON.stringify([writePath, readPath]));
      return ages === undefined ? [] : [{ writePath, readPath, ...summaryOf(ages) }];
    }),
  );
}
