/** A run that was killed, as far as a replay needs it: the plan that it wrote at its start, and the strikes that its journal tells of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Struck } from '../nemesis/nemesis.ts';
import { unfinishedIds } from '../results/files.ts';
import type { RunRecord } from '../results/record.ts';
import { BadInput } from './errors.ts';

export interface KilledRun {
  readonly id: string;
  readonly plan: RunRecord['plan'];
}

/** Undefined where no unfinished run of this folder, or more than one, has an id that begins so. */
export function killedRun(word: string, cwd: string): KilledRun | undefined {
  const folder = join(cwd, '.tidemark');
  const ids = word === '' ? [] : unfinishedIds(folder).filter((id) => id.startsWith(word));
  const [id] = ids;
  if (id === undefined || ids.length > 1) return undefined;
  const home = join(folder, 'runs', id);
  try {
    const plan = JSON.parse(readFileSync(join(home, 'plan.json'), 'utf8')) as RunRecord['plan']; // single.ts wrote it
    return { id, plan: { ...plan, strikes: strikesIn(textOf(join(home, 'journal.jsonl'))) } };
  } catch (error) {
    throw new BadInput(`Run ${id} was killed before its plan was written: ${(error as Error).message}.`);
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it was killed before
  }
}

interface Note {
  readonly time: number;
  readonly process: unknown;
  readonly f: string;
  readonly value: unknown;
}
/** As the nemesis writes them down. */
type Told = Pick<Struck, 'stream' | 'because' | 'targets'> & {
  readonly do: string;
  /** Of a cure: it failed. */
  readonly error?: string;
  readonly id: number;
  readonly nth?: number;
};

/** What was in force is in the notes of the nemesis; who led, in those of the watch. A torn last line tells nothing. */
export function strikesIn(journal: string): readonly Struck[] {
  const struck = new Map<number, Struck>();
  let loadFrom: number | undefined;
  let led: { readonly node: string; readonly term: number } | undefined;
  for (const line of journal.split('\n')) {
    if (!/"process":"(?:nemesis|harness|cluster)"/.test(line) || !line.endsWith('}')) continue;
    const { time, process, f, value } = JSON.parse(line) as Note; // the recorder's
    if (process === 'harness' && f === 'phase' && value !== 'starting') loadFrom ??= time;
    if (process === 'cluster' && f === 'sighting') {
      const { node, role, term } = value as { node: string; role: string; term: number }; // watch.ts wrote it
      if (role === 'leader' && term >= (led?.term ?? 0)) led = { node, term };
      else if (role !== 'leader' && led?.node === node) led = undefined;
    }
    if (process !== 'nemesis') continue;
    const { do: did, id, stream, nth = id, because, targets, error } = value as Told; // nemesis.ts wrote it
    const before = struck.get(id);
    if (did === 'heal' && before !== undefined)
      struck.set(id, {
        ...before,
        durationNs: time - (loadFrom ?? 0) - before.at,
        ...(error !== undefined && { unhealed: error }),
      });
    if (did !== 'inject') continue;
    struck.set(id, {
      ...(stream !== undefined && { stream }),
      nth,
      fault: f,
      at: time - (loadFrom ?? 0),
      durationNs: 0,
      targets: [...targets],
      ...(led !== undefined && { leader: led.node }),
      ...(because !== undefined && { because }),
    });
  }
  return [...struck.values()];
}
