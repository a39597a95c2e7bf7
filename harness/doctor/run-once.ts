/** A command in a container of its own, made as the nodes are, which lives until it has ended. */
import { SECOND } from '../../history/clock.ts';
import { newRunId } from '../../results/files.ts';
import { CAPABILITIES, removeContainer } from '../environments/docker/container.ts';
import type { Engine } from '../environments/docker/engine.ts';
import { labels, owner } from '../environments/docker/owner.ts';

const ENDS_NS = 60 * SECOND;

/** What it says, both streams. */
export async function runOnce(engine: Engine, image: string, command: readonly string[]): Promise<string> {
  const run = newRunId();
  const name = `tidemark-${run}-doctor`;
  const container = await engine.ask(`making the container ${name}`, (abortSignal) =>
    engine.docker.createContainer({
      name,
      Image: image,
      Entrypoint: [...command],
      Cmd: [],
      Tty: true, // so that what it says comes as it is
      Labels: { [labels.run]: run, [labels.owner]: owner() },
      HostConfig: {
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        CapAdd: [...CAPABILITIES],
        SecurityOpt: ['no-new-privileges'],
      },
      abortSignal,
    }),
  );
  try {
    await engine.ask(`starting ${name}`, (abortSignal) => container.start({ abortSignal }));
    await engine.ask(`waiting for ${name}`, (abortSignal) => container.wait({ abortSignal }), ENDS_NS);
    const said = await engine.ask(`reading what ${name} says`, (abortSignal) =>
      container.logs({ stdout: true, stderr: true, follow: false, abortSignal }),
    );
    return said.toString('utf8').replaceAll('\r', '');
  } finally {
    await removeContainer(engine, name);
  }
}
