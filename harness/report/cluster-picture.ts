/** A picture of the cluster at one moment: leader and followers, arrows of replication, the fallen leader crossed out, links that are cut. */
import { html, type Markup } from './markup.ts';
import type { Cluster, GroupState, LinkState, NodeState } from './moments.ts';

/** Pixels, of one group's picture at full size. */
const WIDTH = 320;
const RADIUS = 27;
const GAP = 7;

interface Spot {
  readonly x: number;
  readonly y: number;
}

const round = (x: number): number => Math.round(x * 10) / 10;

/** Around a circle, the first at the top. */
function spots(count: number): { readonly spots: readonly Spot[]; readonly height: number } {
  if (count === 1) return { spots: [{ x: WIDTH / 2, y: 80 }], height: 150 };
  const around = count <= 3 ? 86 : count <= 5 ? 98 : 112;
  const all = Array.from({ length: count }, (_, i) => {
    const turn = (2 * Math.PI * i) / count - Math.PI / 2;
    return { x: WIDTH / 2 + around * 1.1 * Math.cos(turn), y: 66 + around + around * Math.sin(turn) };
  });
  return { spots: all, height: Math.max(...all.map(({ y }) => y)) + 60 };
}

/** What the page's script sets again when the slider is moved: `data-role`, `data-fallen`, `data-state`, and the texts. */
export function groupPicture(cluster: Cluster, state: GroupState, group: string, scale = 1): Markup {
  const places = spots(cluster.nodes.length);
  const pairs = cluster.nodes.flatMap((_, i) =>
    cluster.nodes.slice(i + 1).map((__, rest) => [places.spots[i], places.spots[i + 1 + rest]] as const),
  );
  const links = pairs.map(([a, b], i) => linkShape(a, b, state.links[i]));
  const middle = places.height / 2 - 8;
  const nodes = cluster.nodes.map((node, i) => nodeShape(node, places.spots[i], state.nodes[i], middle));
  const [width, height] = [round(WIDTH * scale), round(places.height * scale)];
  const title =
    cluster.groups.length > 1 ? html`<text class="tick start" x="4" y="14">${group.slice(0, 24)}</text>` : undefined;
  return html`<svg class="cluster" viewBox="0 0 ${WIDTH} ${round(places.height)}" width="${width}" height="${height}" role="img" aria-label="the cluster: ${spoken(cluster, state)}">${title}${links}${nodes}</svg>`;
}

function spoken({ nodes }: Cluster, state: GroupState): string {
  return nodes
    .map((node, i) => `${node.slice(0, 40)} ${state.nodes[i].role}${state.nodes[i].isFallen ? ' (fallen)' : ''}`)
    .join(', ');
}

function linkShape(a: Spot, b: Spot, state: LinkState): Markup {
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  const along = (share: number, shift: number): Spot => ({
    x: a.x + ((b.x - a.x) * (share * length + shift)) / length,
    y: a.y + ((b.y - a.y) * (share * length + shift)) / length,
  });
  const [from, to] = [along(0, RADIUS + GAP), along(1, -(RADIUS + GAP))];
  const cross = ({ x, y }: Spot, type: string): Markup =>
    html`<path class="x ${type}" d="M${round(x - 6)} ${round(y - 6)}l12 12m0 -12l-12 12"/>`;
  return html`<g class="link" data-state="${state}"><path class="wire" d="M${round(from.x)} ${round(from.y)}L${round(to.x)} ${round(to.y)}"/>${cross(along(0.5, 0), 'both')}${cross(along(0.72, 0), 'there')}${cross(along(0.28, 0), 'back')}</g>`;
}

function nodeShape(node: string, { x, y }: Spot, { role, term, isFallen, hurt }: NodeState, middle: number): Markup {
  // What is said of a node stands outside, away from the links.
  const [first, second] = y < middle ? [-(RADIUS + 7), -(RADIUS + 20)] : [RADIUS + 15, RADIUS + 28];
  return html`<g class="node" data-role="${role}" data-fallen="${isFallen ? 'yes' : 'no'}" transform="translate(${round(x)} ${round(y)})">
<circle class="disc" r="${RADIUS}"/><path class="fallen" d="M-22 -22L22 22M22 -22L-22 22"/><text class="who" y="-2">${node.slice(0, 6)}</text><text class="term" y="12">${term === undefined ? '' : `term ${term}`}</text>
<text class="role" y="${first}">${roleText(role)}</text><text class="hurt" y="${second}">${hurt.slice(0, 40)}</text></g>`;
}

const ROLE_TEXTS: Readonly<Record<string, string>> = { silent: 'no answer', unknown: 'not heard yet' };

export function roleText(role: NodeState['role']): string {
  return ROLE_TEXTS[role] ?? role;
}

/** Heads of arrows, once a page. */
export const arrowHeads: Markup = html`<svg class="defs" width="0" height="0" aria-hidden="true"><defs>
<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="head" d="M0 0L8 4L0 8z"/></marker>
</defs></svg>`;
