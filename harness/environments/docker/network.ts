/**
 * A network for each cluster, in 198.19.0.0/16: half of the range that is reserved for benchmarks (RFC 2544) and so clashes
 * with nobody's LAN, VPN or cloud. The engine itself refuses a subnet that another network has, so that two harnesses that
 * choose the same at the same moment do not share it.
 */
import { Random } from '../../../history/random.ts';
import { BadInput } from '../../errors.ts';
import { type Engine, EngineError } from './engine.ts';

/** /26: a gateway and 61 nodes. */
const SIZE = 64;
const SUBNETS = 65_536 / SIZE;
const TRIES = 32;

export interface Subnet {
  readonly cidr: string;
  /** The n-th address: 1 is the gateway. */
  address(n: number): string;
}

/** `index`: 0 … 1023. */
export function subnet(index: number): Subnet {
  const address = (n: number): string => {
    const at = index * SIZE + n;
    return `198.19.${at >>> 8}.${at & 255}`;
  };
  return { cidr: `${address(0)}/26`, address };
}

/** Whether two ranges of IPv4 addresses in CIDR notation have an address in common. What is no such range overlaps nothing. */
export function overlap(a: string, b: string): boolean {
  const [one, other] = [rangeOf(a), rangeOf(b)];
  return one !== undefined && other !== undefined && one.from <= other.until && other.from <= one.until;
}

function rangeOf(cidr: string): { readonly from: number; readonly until: number } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  if (match === null) return undefined;
  const [a, b, c, d, bits] = match.slice(1).map(Number);
  const size = 2 ** (32 - bits);
  const at = ((a * 256 + b) * 256 + c) * 256 + d;
  const from = Math.floor(at / size) * size;
  return { from, until: from + size - 1 };
}

/** Makes a network in a subnet that is free. */
export async function createNetwork(
  engine: Engine,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<Subnet> {
  const networks = await engine.ask('listing networks', (abortSignal) => engine.docker.listNetworks({ abortSignal }));
  const taken = networks.flatMap(({ IPAM }) => (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []));
  const free = new Random(name)
    .shuffle(Array.from({ length: SUBNETS }, (_, index) => subnet(index)))
    .filter(({ cidr }) => !taken.some((other) => overlap(cidr, other)));
  for (const candidate of free.slice(0, TRIES)) {
    try {
      await engine.ask(`making a network in ${candidate.cidr}`, (abortSignal) =>
        engine.docker.createNetwork({
          Name: name,
          Driver: 'bridge',
          CheckDuplicate: true,
          IPAM: { Driver: 'default', Config: [{ Subnet: candidate.cidr, Gateway: candidate.address(1) }] },
          Labels: { ...labels },
          abortSignal,
        }),
      );
      return candidate;
    } catch (error) {
      // Somebody took it since it was looked for.
      if (!(error instanceof EngineError && /overlap/i.test(error.message))) throw error;
    }
  }
  throw new BadInput(
    "No subnet of 198.19.0.0/16 is free on this Docker engine: 'tidemark cleanup' removes what interrupted runs have left.",
  );
}
