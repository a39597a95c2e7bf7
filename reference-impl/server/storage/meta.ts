/** What a data directory says of itself: whose it is, and in which format. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GroupId } from '../../core/types.ts';
import { StorageRefused } from '../storage.ts';
import type { Files } from './files.ts';
import { FORMAT } from './frame.ts';

export interface Meta {
  readonly format: number;
  readonly cluster: string;
  readonly node: string;
  readonly groups: readonly GroupId[];
  /** The log has a segment: that there is none any more is damage. */
  readonly begun: boolean;
}

/** Undefined where there is none; refuses one that this process must not touch. */
export async function readMeta(
  folder: string,
  wanted: Pick<Meta, 'cluster' | 'node' | 'groups'>,
): Promise<Meta | undefined> {
  const path = join(folder, 'meta.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const meta = parsed(text);
  if (meta === undefined) throw new StorageRefused(`${path} cannot be read: it does not hold what a node has written.`);
  if (meta.format > FORMAT) {
    throw new StorageRefused(
      `${folder} has format ${meta.format}, written by a newer version; this program reads formats up to ${FORMAT}.`,
    );
  }
  if (meta.cluster !== wanted.cluster) {
    throw new StorageRefused(`${folder} belongs to cluster ${meta.cluster}, not to cluster ${wanted.cluster}.`);
  }
  if (meta.node !== wanted.node) {
    throw new StorageRefused(`${folder} belongs to node ${meta.node}, not to node ${wanted.node}.`);
  }
  const left = meta.groups.find((group) => !wanted.groups.includes(group));
  if (left !== undefined) {
    throw new StorageRefused(`${folder} holds group ${left}, which the configuration does not name.`);
  }
  return meta;
}

export function writeMeta(files: Files, folder: string, meta: Meta): Promise<void> {
  return replaceFile(files, folder, 'meta.json', `${JSON.stringify(meta)}\n`);
}

/** The old contents or the new ones, whatever happens; durable when it resolves. */
export async function replaceFile(files: Files, folder: string, name: string, text: string): Promise<void> {
  const path = join(folder, name);
  const file = await files.open(`${path}.tmp`, true);
  try {
    await file.write(Buffer.from(text), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(`${path}.tmp`, path);
  await files.syncFolder(folder);
}

function parsed(text: string): Meta | undefined {
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found !== 'object' || found === null) return undefined;
    const { format, cluster, node, groups } = found as Partial<Record<keyof Meta, unknown>>;
    const isWhole =
      typeof format === 'number' &&
      // A newer format may name the rest otherwise.
      (format > FORMAT || (typeof cluster === 'string' && typeof node === 'string' && Array.isArray(groups)));
    return isWhole ? (found as Meta) : undefined;
  } catch {
    return undefined;
  }
}
