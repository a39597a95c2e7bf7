/** Stores that are not ours, as the agent starts them. */
import type { NodeId } from '../../../history/operation.ts';
import type { OtherStore } from '../environment.ts';
import type { Program } from './agent/protocol.ts';
import { ASIDE } from './container.ts';

/** What `{…}` stands for becomes what it is on this node. */
export function otherProgram(
  spec: OtherStore,
  node: NodeId,
  addresses: ReadonlyMap<NodeId, string>,
  data: string,
): Program {
  const meanings = new Map([...addresses, ['self', addresses.get(node) ?? ''], ['node', node], ['data', data]]);
  const filled = (text: string): string => text.replaceAll(/\{(\w+)\}/g, (whole, name) => meanings.get(name) ?? whole);
  const all = (texts: Readonly<Record<string, string>> = {}): Record<string, string> =>
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, filled(text)]));
  const [program, ...rest] = spec.command;
  return {
    command: [filled(program), ...rest.map(filled)],
    config: '',
    data,
    other: {
      files: all(spec.files),
      env: all(spec.env),
      stopSignal: spec.stopSignal ?? 'SIGTERM',
      aside: spec.ports.map((port) => ({ port, at: asidePort(spec.ports, port) })),
      ...(spec.user !== undefined && { user: spec.user }),
    },
  };
}

/** Where the agent lets the harness through to a port. */
export function asidePort(clientPorts: readonly number[], port: number): number {
  const at = clientPorts.indexOf(port);
  if (at < 0) throw new Error(`${port} is not among the ports of the store: ${clientPorts.join(', ')}`);
  return ASIDE + at;
}

/** All that the engine's host is to reach. */
export function portsInside({ ports }: OtherStore): readonly number[] {
  return [...ports, ...ports.map((port) => asidePort(ports, port))];
}
