/** How a node of the reference store is started as a process of this machine. */
import { writeFileSync } from 'node:fs';
import { asset } from '../../entry.ts';
import type { NodeSpec } from '../environment.ts';
import { type Place, storeConfig } from '../real/store.ts';

/** Writes the node's configuration beside its data, and returns the command that starts it. */
export function commandOf(
  spec: NodeSpec,
  place: Place,
  settings: ReadonlyMap<string, string>,
): readonly [string, ...string[]] {
  const file = `${place.data}.yaml`;
  writeFileSync(file, JSON.stringify(storeConfig('processes', spec, place, settings), undefined, 2)); // JSON is YAML
  return [process.execPath, asset('bin/tidemark-store.mjs'), '--config', file];
}
