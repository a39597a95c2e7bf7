/** From nothing to a cluster: an engine that answers, nothing of the dead in the way, the image, the containers. */
import type { NodeId } from '../../../history/operation.ts';
import type { Lever } from '../../../nemesis/fault.ts';
import { type CleanUp, type DeployOptions, isOtherStore, type NodeSpec, type Preparation } from '../environment.ts';
import { asked, lacking } from './abilities.ts';
import { DockerCluster } from './cluster.ts';
import { removePacked } from './context.ts';
import { Engine } from './engine.ts';
import { type Images, removeImage, storeImage, unusedImages } from './images.ts';
import { openToOthers } from './settings.ts';
import { leftovers, removeDead, removeLeftovers } from './leftovers.ts';

type Settings = ReadonlyMap<string, string>;

interface Prepared {
  readonly engine: Engine;
  readonly image: string;
}

/** By base image and store: many runs of one process prepare once. */
const preparations = new Map<string, Promise<Prepared>>();

/** `other`: a store that is not ours, by its folder in docker/systems/. */
export function prepared(
  settings: Settings,
  say: (line: string) => void = () => undefined,
  other?: string,
): Promise<Prepared> {
  // A user's own image has the store in it, and takes the place of the usual base.
  const base = baseOf(settings, other);
  const key = JSON.stringify([base, other]);
  const known = preparations.get(key);
  if (known !== undefined) return known;
  const preparing = begin(base, say, other);
  preparations.set(key, preparing);
  preparing.catch(() => preparations.delete(key)); // whoever asked is told; the next may try again
  return preparing;
}

function baseOf(settings: Settings, other: string | undefined): Images['base'] {
  const names = other === undefined ? (['base-image'] as const) : (['image', 'base-image'] as const);
  for (const setting of names) {
    const name = settings.get(setting);
    if (name !== undefined) return { setting, name };
  }
  return undefined;
}

async function begin(base: Images['base'], say: (line: string) => void, other: string | undefined): Promise<Prepared> {
  removePacked(false);
  const engine = await Engine.reach();
  await removeDead(engine, say);
  return { engine, image: await storeImage({ engine, base, say }, other) };
}

export async function prepare(
  { settings, levers, image: other }: Preparation,
  say: (line: string) => void,
): Promise<ReadonlyMap<Lever, string>> {
  const { engine, image } = await prepared(settings, say, other);
  const open = openToOthers(settings, engine);
  if (open !== undefined) say(open);
  return levers.some((lever) => asked.includes(lever)) ? lacking(engine, image) : new Map();
}

export async function deploy(nodes: ReadonlyMap<NodeId, NodeSpec>, options: DeployOptions): Promise<DockerCluster> {
  const [spec] = nodes.values();
  const { engine, image } = await prepared(options.settings, undefined, isOtherStore(spec) ? spec.image : undefined);
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
