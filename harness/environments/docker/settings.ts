/** What can be set of a cluster of containers: `--set key=value`. */
import { BadInput } from '../../errors.ts';
import { checkImageName, type Setting } from '../../setting.ts';
import { oneOf, storeSettings } from '../real/store.ts';
import type { Engine } from './engine.ts';

const CPUS = 1;
const MEMORY_MB = 512;

export const settings: readonly Setting[] = [
  ...storeSettings,
  number('cpus', CPUS, 0.1, 64, 'processors that a node may use'),
  number('memory-mb', MEMORY_MB, 128, 65_536, 'memory that a node may use, MiB'),
  {
    name: 'base-image',
    about: 'image to build on: Debian 12 or like it (debian:bookworm-slim, or one made with debootstrap)',
    check: (value) => checkImageName('base-image', value),
  },
  oneOf(
    'reach',
    ['auto', 'addresses', 'ports'],
    "how nodes are reached: by their containers' addresses, or by ports published on the engine's host",
  ),
];

function number(name: string, initial: number, least: number, most: number, about: string): Setting {
  return {
    name,
    about: `${about} (${initial})`,
    check(value) {
      const n = Number(value);
      if (!/^\d+(\.\d+)?$/.test(value) || n < least || n > most) {
        throw new BadInput(`--set ${name}=${value}: a number from ${least} to ${most} is needed.`);
      }
    },
  };
}

export function limitsOf(given: ReadonlyMap<string, string>): { readonly cpus: number; readonly memoryMb: number } {
  return {
    cpus: Number(given.get('cpus') ?? CPUS),
    memoryMb: Math.round(Number(given.get('memory-mb') ?? MEMORY_MB)),
  };
}

/** On which of its host's addresses an engine publishes ports: on all, where it is elsewhere, since nobody knows which one we come by. */
export function publishOn({ host }: Pick<Engine, 'host'>): '127.0.0.1' | '0.0.0.0' {
  return host === '127.0.0.1' || host === 'localhost' ? '127.0.0.1' : '0.0.0.0';
}

/** What whoever runs a cluster there should know; undefined: nobody else can reach it. */
export function openToOthers(
  given: ReadonlyMap<string, string>,
  engine: Pick<Engine, 'isHere' | 'host'>,
): string | undefined {
  if (reachOf(given, engine) !== 'ports' || publishOn(engine) === '127.0.0.1') return undefined;
  return `while a run lasts, whoever reaches ${engine.host} reaches its nodes too, without a password: their ports are published on all of its addresses`;
}

/** Containers of an engine elsewhere, or in a virtual machine of its own, are reached by published ports only. */
export function reachOf(given: ReadonlyMap<string, string>, engine: Pick<Engine, 'isHere'>): 'addresses' | 'ports' {
  const wanted = given.get('reach') ?? 'auto';
  if (wanted === 'addresses' || wanted === 'ports') return wanted;
  return engine.isHere ? 'addresses' : 'ports';
}
