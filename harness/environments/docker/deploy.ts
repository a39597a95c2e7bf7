/** From nothing to a cluster: an engine that answers, nothing of the dead in the way, the image, the containers. */
import type { NodeId } from '../../../history/operation.ts';
import type { Lever } from '../../../nemesis/fault.ts';
import type { CleanUp, DeployOptions, NodeSpec, Preparation } from '../environment.ts';
import { asked, lacking } from './abilities.ts';
import { DockerCluster } from './cluster.ts';
import { Engine } from './engine.ts';
import { removeImage, storeImage, unusedImages } from './images.ts';
import { leftovers, removeLeftovers } from './leftovers.ts';

type Settings = ReadonlyMap<string, string>;

interface Prepared {
  readonly engine: Engine;
  readonly image: string;
}

/** By base image: many runs of one process prepare once. */
const preparations = new Map<string | undefined, Promise<Prepared>>();

export function prepared(settings: Settings, say: (line: string) => void = () => undefined): Promise<Prepared> {
  const base = settings.get('base-image');
  const known = preparations.get(base);
  if (known !== undefined) return known;
  const preparing = begin(base, say);
  preparations.set(base, preparing);
  preparing.catch(() => preparations.delete(base)); // whoever asked is told; the next may try again
  return preparing;
}

async function begin(base: string | undefined, say: (line: string) => void): Promise<Prepared> {
  const engine = await Engine.reach();
  const { removed, failures } = await removeLeftovers(engine, await leftovers(engine));
  const runs = [...new Set(removed.map(({ run }) => run))];
  if (runs.length > 0) say(`removed what interrupted runs had left: ${runs.join(', ')}`);
  for (const failure of failures) say(`an interrupted run's was left: ${failure}`);
  return { engine, image: await storeImage({ engine, base, say }) };
}

export async function prepare(
  { settings, levers }: Preparation,
  say: (line: string) => void,
): Promise<ReadonlyMap<Lever, string>> {
  const { engine, image } = await prepared(settings, say);
  return levers.some((lever) => asked.includes(lever)) ? lacking(engine, image) : new Map();
}

export async function deploy(nodes: ReadonlyMap<NodeId, NodeSpec>, options: DeployOptions): Promise<DockerCluster> {
  const { engine, image } = await prepared(options.settings);
  return DockerCluster.deploy(engine, image, nodes, options);
}

export async function cleanUp(dryRun: boolean, images: boolean): Promise<CleanUp> {
  const engine = await Engine.reach();
  const found = await leftovers(engine);
  const { removed, failures } = dryRun ? { removed: found, failures: [] } : await removeLeftovers(engine, found);
  const gone = images ? await cleanImages(engine, dryRun) : { removed: [], failures: [] };
  return { removed: [...removed.map(named), ...gone.removed], failures: [...failures, ...gone.failures] };
}

/** In order: an image cannot go before those that were made from it. */
async function cleanImages(engine: Engine, dryRun: boolean): Promise<CleanUp> {
  const removed: CleanUp['removed'][number][] = [];
  const failures: string[] = [];
  for (const { id, name } of await unusedImages(engine)) {
    try {
      if (dryRun || (await removeImage(engine, id))) removed.push({ kind: 'image', name, run: '' });
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  return { removed, failures };
}

function named({ kind, name, run }: { readonly kind: string; readonly name: string; readonly run: string }) {
  return { kind, name, run };
}
