/** What the engine's kernel lets faults do, asked of a container that is made as the nodes are and lives for a moment. */
import { SECOND } from '../../../history/clock.ts';
import type { Lever } from '../../../nemesis/fault.ts';
import { newRunId } from '../../../results/files.ts';
import { CAPABILITIES, removeContainer } from './container.ts';
import type { Engine } from './engine.ts';
import { labels, owner } from './owner.ts';

const PROBE_NS = 60 * SECOND;

/** Levers that need more of a kernel than every one has. */
export const asked: readonly Lever[] = ['shape', 'throttle', 'clock'];

/** By lever: why it cannot be pulled. */
export async function lacking(engine: Engine, image: string): Promise<ReadonlyMap<Lever, string>> {
  const run = newRunId();
  const name = `tidemark-${run}-probe`;
  const container = await engine.ask(`making the container ${name}`, (abortSignal) =>
    engine.docker.createContainer({
      name,
      Image: image,
      Cmd: ['--can'],
      Labels: { [labels.run]: run, [labels.owner]: owner() },
      HostConfig: {
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        CapAdd: [...CAPABILITIES],
        SecurityOpt: ['no-new-privileges'],
        Tmpfs: { '/run': 'rw,size=1m' },
      },
      abortSignal,
    }),
  );
  try {
    await engine.ask(`starting ${name}`, (abortSignal) => container.start({ abortSignal }));
    await engine.ask(`waiting for ${name}`, (abortSignal) => container.wait({ abortSignal }), PROBE_NS);
    const said = await engine.ask(`reading what ${name} says`, (abortSignal) =>
      container.logs({ stdout: true, stderr: true, follow: false, abortSignal }),
    );
    // Before each piece there are eight bytes: of which stream, and how long it is.
    const [, object] = /(\{.*\})/.exec(said.toString('utf8')) ?? [];
    if (object === undefined)
      throw new Error(`${name} could not tell what this engine can do: ${said.toString('utf8')}`);
    return new Map(Object.entries(JSON.parse(object) as Readonly<Record<Lever, string>>) as [Lever, string][]); // the agent's word
  } finally {
    await removeContainer(engine, name);
  }
}
