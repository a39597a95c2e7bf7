/** Sets of links, for faults of the network. */
import type { NodeId } from '../history/operation.ts';
import type { Link } from './fault.ts';

/** Both directions between every node of one group and every node of the other. */
export function between(some: readonly NodeId[], others: readonly NodeId[]): Link[] {
  return [...towards(some, others), ...towards(others, some)];
}

/** From every node of one group to every node of the other. */
export function towards(from: readonly NodeId[], to: readonly NodeId[]): Link[] {
  return from.flatMap((a) => to.filter((b) => b !== a).map((b) => ({ from: a, to: b })));
}

export function without(nodes: readonly NodeId[], ...left: readonly NodeId[]): NodeId[] {
  return nodes.filter((node) => !left.includes(node));
}

/** All links of some nodes; all that there are, where they are all. */
export function around(some: readonly NodeId[], nodes: readonly NodeId[]): Link[] {
  const others = without(nodes, ...some);
  return others.length === 0 ? towards(nodes, nodes) : between(some, others);
}
