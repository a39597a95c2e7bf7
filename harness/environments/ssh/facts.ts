/** What a machine is and has, as it says when it is asked; and why a node cannot be there. */
import type { Lever } from '../../../nemesis/fault.ts';

const ROOM_KIB = 512 * 1024;
const NODE_MIN = [20, 19] as const;

export interface Facts {
  readonly system: string;
  /** As Node calls it: x64, arm64. */
  readonly processor: string;
  /** GNU's; undefined: it has another. */
  readonly libc: string | undefined;
  readonly root: boolean;
  /** Why `sudo` does not make us root; undefined: it does, or we are. */
  readonly noSudo: string | undefined;
  readonly has: ReadonlySet<string>;
  /** Path of its own Node, where it is new enough. */
  readonly node: string | undefined;
  /** Where the SSH server took our connection: an address of that machine's own. */
  readonly address: string | undefined;
  readonly portsTaken: boolean;
  readonly roomKib: number;
  /** Why its folder is not ours to use. */
  readonly foreign: string | undefined;
}

export function readFacts(said: string): Facts {
  const lines = said.split('\n').flatMap((line) => {
    const at = line.indexOf('=');
    return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()] as const];
  });
  const of = (name: string): string | undefined => lines.find(([one]) => one === name)?.[1];
  const [version = '', path = ''] = (of('node') ?? '').split(' ');
  const uname = of('processor') ?? '';
  const root = of('uid') === '0';
  const sudo = of('sudo');
  return {
    system: of('system') ?? '',
    processor: { x86_64: 'x64', aarch64: 'arm64' }[uname] ?? uname,
    libc: /^glibc (\d+\.\d+)/.exec(of('libc') ?? '')?.[1],
    root,
    noSudo: root || sudo === 'yes' ? undefined : (sudo ?? 'sudo says nothing'),
    has: new Set(lines.filter(([name]) => name === 'has').map(([, program]) => program)),
    node: path !== '' && atLeast(version.replace(/^v/, ''), NODE_MIN) ? path : undefined,
    address: of('address') === '' ? undefined : of('address'),
    portsTaken: of('taken') !== undefined,
    roomKib: Number(of('room') ?? 0),
    foreign: of('foreign'),
  };
}

/** The harness's own Node. */
export interface OwnNode {
  readonly platform: string;
  readonly processor: string;
  /** Of GNU's libc: what it was compiled against; undefined: another libc. */
  readonly libc: string | undefined;
}

export function ownNode(): OwnNode {
  const { header } = process.report.getReport() as unknown as {
    readonly header: { readonly glibcVersionCompiler?: string };
  }; // as Node documents it
  return { platform: process.platform, processor: process.arch, libc: header.glibcVersionCompiler };
}

/** Why no node can be there, to follow its name; undefined: one can. */
export function unfit(facts: Facts, folder: string, port: number, own: OwnNode): string | undefined {
  const { system, has, foreign, portsTaken, roomKib } = facts;
  if (system !== 'Linux') return `runs ${system || 'nobody knows what'}, and nodes need Linux`;
  if (!has.has('tar')) return 'has no tar: install it';
  if (foreign !== undefined)
    return `has a folder ${folder} that is not ours to use (${foreign}): --set folder=PATH names another`;
  if (portsTaken) return `has somebody listening on port ${port} or ${port + 1}: --set store-port=N names others`;
  if (roomKib < ROOM_KIB)
    return `has only ${Math.floor(roomKib / 1024)} MiB of room below ${folder}, and ${ROOM_KIB / 1024} are needed`;
  if (facts.node === undefined && !runsOwnNode(facts, own)) {
    return `has no Node ${NODE_MIN.join('.')} or later in its PATH, and the one here (${own.platform}, ${own.processor}, glibc ${own.libc ?? 'none'}) does not run on it (${facts.processor}, glibc ${facts.libc ?? 'none'}): install Node there`;
  }
  return undefined;
}

export function runsOwnNode({ processor, libc }: Facts, own: OwnNode): boolean {
  if (own.platform !== 'linux' || own.libc === undefined || libc === undefined || own.processor !== processor)
    return false;
  return atLeast(libc, own.libc.split('.').map(Number));
}

function atLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  for (const [i, n] of least.entries()) {
    const part = parts[i] ?? 0;
    if (part !== n) return part > n;
  }
  return true;
}

/** By rules alone, and by rules and tm-net. */
export const ruleLevers = ['cut', 'cutClients'] as const satisfies readonly Lever[];
export const queueLevers = ['shape', 'throttle'] as const satisfies readonly Lever[];
/** By tm-io.so. */
export const diskLevers = [
  'slowDisk',
  'stallDisk',
  'fillDisk',
  'failDisk',
  'cutPower',
] as const satisfies readonly Lever[];

/** Levers that need root or programs there, and why they cannot be pulled. `shims`: whether tm-net and tm-io.so can be had. */
export function lackingFrom(facts: Facts, shims: boolean): ReadonlyMap<Lever, string> {
  const lacking = new Map<Lever, string>();
  const noRules = whyNoRules(facts);
  const noShims = shims
    ? undefined
    : 'it has no gcc to compile tm-net and tm-io with, and there is none here that could';
  if (noRules !== undefined) for (const lever of ruleLevers) lacking.set(lever, noRules);
  const noShape = noRules ?? noShims;
  if (noShape !== undefined) for (const lever of queueLevers) lacking.set(lever, noShape);
  if (noShims !== undefined) for (const lever of [...diskLevers, 'clock'] as const) lacking.set(lever, noShims);
  return lacking;
}

export function whyNoRules({ noSudo, has }: Facts): string | undefined {
  if (noSudo !== undefined)
    return `no root: ${has.has('sudo') ? noSudo.replace(/^sudo: /, 'sudo: ') : 'it has no sudo'}`;
  const missing = ['iptables-restore', 'iptables-save', 'iptables'].find((program) => !has.has(program));
  return missing === undefined ? undefined : `it has no ${missing}: install iptables`;
}
