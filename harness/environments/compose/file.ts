/** A user's compose file: which of its services are nodes, by their labels `tidemark.node` and `tidemark.port`. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { NodeId } from '../../../history/operation.ts';
import { BadInput } from '../../errors.ts';
import { refusals } from '../../refusals.ts';

export const PORT_LABEL = 'tidemark.port';
export const NODE_LABEL = 'tidemark.node';
const NODES_MAX = 9;

export interface ComposeFile {
  /** Absolute. */
  readonly path: string;
  /** n1, n2, … in that order. */
  readonly nodes: readonly NodeId[];
}

type Plain = Readonly<Record<string, unknown>>;

/** @throws BadInput with the file and the service, and what would be right */
export async function readComposeFile(file: string): Promise<ComposeFile> {
  const path = resolve(file);
  const plain = await parsed(file, path);
  const services = isMap(plain['services']) ? plain['services'] : {};
  if (Object.keys(services).length === 0) throw new BadInput(`--compose ${file}: there are no services in it.`);
  const found = new Map<NodeId, string>();
  for (const [service, given] of Object.entries(services)) {
    const labels = labelsOf(isMap(given) ? given['labels'] : undefined);
    const node = labels.get(NODE_LABEL);
    if (node === undefined) continue;
    const other = found.get(node);
    if (other !== undefined)
      throw new BadInput(`--compose ${file}: ${service}: ${other} is labelled ${NODE_LABEL}=${node} as well.`);
    const port = Number(labels.get(PORT_LABEL) ?? Number.NaN);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new BadInput(
        `--compose ${file}: ${service}: a label ${PORT_LABEL} is needed, the port that its clients connect to inside the container.`,
      );
    found.set(node, service);
  }
  const nodes = Array.from({ length: found.size }, (_, i) => `n${i + 1}`);
  if (nodes.length === 0)
    throw new BadInput(
      `--compose ${file}: no service is a node: label each with ${NODE_LABEL}=n1, n2, … and ${PORT_LABEL}.`,
    );
  const missing = nodes.find((node) => !found.has(node));
  if (missing !== undefined)
    throw new BadInput(
      `--compose ${file}: the nodes are called n1, n2, … in order; of ${[...found.keys()].join(', ')} ${missing} is missing.`,
    );
  if (nodes.length > NODES_MAX)
    throw new BadInput(`--compose ${file}: ${nodes.length} nodes are labelled, and ${NODES_MAX} are the most.`);
  return { path, nodes };
}

async function parsed(file: string, path: string): Promise<Plain> {
  const { parse } = await import('yaml');
  let plain: unknown;
  try {
    plain = parse(readFileSync(path, 'utf8'), { merge: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const said = refusals[code ?? ''] ?? `${(message.split('\n')[0] ?? '').replace(/[:.]+$/, '')}.`;
    throw new BadInput(`--compose ${file}: ${said}`, { cause: error });
  }
  if (!isMap(plain)) throw new BadInput(`--compose ${file}: a compose file is needed, a map with services.`);
  return plain;
}

/** As a map, or as a list of `name=value`. */
function labelsOf(given: unknown): ReadonlyMap<string, string> {
  const pairs: readonly (readonly [string, unknown])[] = Array.isArray(given)
    ? given.map((one) => {
        const text = String(one);
        const at = text.indexOf('=');
        return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
      })
    : isMap(given)
      ? Object.entries(given)
      : [];
  return new Map(pairs.map(([name, value]) => [name, String(value)]));
}

function isMap(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
