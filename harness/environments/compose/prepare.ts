import { Engine } from '../docker/engine.ts';
import { removeDead } from '../docker/leftovers.ts';
import { composeCommand } from './command.ts';

/** An engine that answers, Compose, and nothing of the dead in the way. */
export async function prepareCompose(say: (line: string) => void): Promise<void> {
  const engine = await Engine.reach();
  await composeCommand();
  await removeDead(engine, say);
}
