/** What `--set` may say of a cluster that runs already: where its nodes are, and the user's commands for faults. */
import type { NodeId } from '../../../history/operation.ts';
import { BadInput } from '../../errors.ts';
import type { Setting } from '../../setting.ts';

const NODES_MAX = 9;

/** By the names of the nodes, n1, n2, …, in that order. */
export type Endpoints = ReadonlyMap<NodeId, string>;

export const settings: readonly Setting[] = [
  {
    name: 'endpoints',
    about: 'where the nodes are: n1=host:port,n2=host:port (--endpoint says the same)',
    local: true,
    check: (value) => void endpointsOf(value),
  },
  {
    name: 'fault-commands',
    about: 'a YAML file with your own commands for faults (docs/add-a-system.md)',
    local: true,
    check: () => undefined,
  },
];

/**
 * `n1=host:port,n2=host:port`; names may be left out.
 *
 * @throws BadInput, which never repeats what could hold a password
 */
export function endpointsOf(text: string): Endpoints {
  const found = new Map<NodeId, string>();
  const parts = text.split(',').filter((part) => part.trim() !== '');
  for (const [i, part] of parts.entries()) {
    const expected = `n${i + 1}`;
    const named = /^\s*([A-Za-z][\w-]*)=(.*)$/s.exec(part);
    const name = named?.[1] ?? expected;
    const address = (named?.[2] ?? part).trim();
    if (address.includes('@'))
      throw new BadInput(
        `--endpoint ${name}: an address with a user or a password in it would be kept with every run; give host:port, and the rest to the driver in an environment variable.`,
      );
    const port = Number(/^(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(address)?.[1]);
    if (!(port >= 1 && port <= 65_535))
      throw new BadInput(`--endpoint ${name}=${address}: host:port is needed, such as n1=127.0.0.1:6379.`);
    if (name !== expected)
      throw new BadInput(
        `--endpoint ${name}=${address}: the nodes are called n1, n2, … in order; this one is ${expected}.`,
      );
    found.set(name, address);
  }
  if (found.size === 0) throw new BadInput('--endpoint is needed for each node, such as --endpoint n1=127.0.0.1:6379.');
  if (found.size > NODES_MAX)
    throw new BadInput(`--endpoint: ${found.size} nodes are given, and ${NODES_MAX} are the most.`);
  return found;
}
