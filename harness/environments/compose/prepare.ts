import { Engine } from '../docker/engine.ts';
import { leftovers, removeLeftovers } from '../docker/leftovers.ts';
import { composeCommand } from './command.ts';

/** An engine that answers, Compose, and nothing of the dead in the way. */
export async function prepareCompose(say: (line: string) => void): Promise<void> {
  const engine = await Engine.reach();
  await composeCommand();
  const { removed, failures } = await removeLeftovers(engine, await leftovers(engine));
  const runs = [...new Set(removed.map(({ run }) => run))];
  if (runs.length > 0) say(`removed what interrupted runs had left: ${runs.join(', ')}`);
  for (const failure of failures) say(`an interrupted run's was left: ${failure}`);
}
