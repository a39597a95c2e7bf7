/** Work for a storage, with what it must give back kept by a twin. */
import type { Dice } from './dice.ts';
import { atEndOfTurn } from '../../clock.ts';
import { readerOf } from '../image.ts';
import type { Opened } from './harness.ts';
import type { Twin } from './twin.ts';

const turn = (): Promise<void> => new Promise(atEndOfTurn);

const never = (): boolean => false;

/** Writes, snapshots and compactions as they come, until `steps` are done or the disk has stopped. */
export async function drive(store: Opened, twin: Twin, random: Dice, steps: number, stopped = never): Promise<void> {
  for (let step = 0; step < steps && !stopped(); step++) {
    const group = random.pick(twin.groups);
    const kind = random.below(12);
    if (kind < 9) store.storage.write(twin.next());
    else if (kind === 9) {
      const image = twin.image(group);
      if (image === undefined) continue;
      const written = store.storage.snapshot(group, readerOf(image)).then(
        ({ index }) => store.storage.compact(group, random.between(0, index)),
        () => undefined, // a leader's snapshot came in between
      );
      if (random.chance(0.5)) await until(written, stopped);
    } else if (kind === 10) await until(store.synced(twin.writes), stopped);
    else for (let turns = random.below(8); turns > 0; turns--) await turn();
  }
}

export async function until(done: Promise<unknown>, stopped = never): Promise<void> {
  const isDone = done.then(() => true);
  while (!(await Promise.race([isDone, turn().then(stopped)])));
}
