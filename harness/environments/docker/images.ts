/**
 * Images, made once and found again by what is in them:
 *
 * base (public, or made with debootstrap) ──► tidemark-runtime:<digest> (tools, Node) ──► tidemark-store:<digest>
 *                                                                                    └──► tidemark-redis:<digest>, …
 */
import { readdirSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { SECOND } from '../../../history/clock.ts';
import { asset } from '../../entry.ts';
import { BadInput } from '../../errors.ts';
import { type Context, digest, otherContext, packed, storeContext } from './context.ts';
import { type Engine, EngineError, reasonOf } from './engine.ts';

const PULL_NS = 300 * SECOND;
const BUILD_NS = 900 * SECOND;
const LAST_LINES = 20;
/** A base that was made here, because the public one was out of reach. */
const OWN_BASE = 'tidemark-base:latest';
/** Compiled into it. */
const shims = ['shims/tm-clock.c', 'shims/tm-io.c', 'shims/tm-journal.h', 'shims/tm-net.c'] as const;
const LABELS = { 'tidemark.image': 'yes' };

export interface Images {
  readonly engine: Engine;
  /** What the user named, and with which setting. */
  readonly base: { readonly setting: 'image' | 'base-image'; readonly name: string } | undefined;
  /** Told what takes its time. */
  readonly say: (line: string) => void;
}

/** The image that nodes run, of the reference store or of another one by the name of its folder; made if it is not there. */
export async function storeImage(images: Images, other?: string): Promise<string> {
  const runtime = await runtimeImage(images);
  const { name, context } = ofStore(runtime, other);
  if ((await imageId(images.engine, name)) === undefined) {
    await build(images, name, context, { RUNTIME_IMAGE: runtime });
  }
  return name;
}

function ofStore(runtime: string, other: string | undefined): { readonly name: string; readonly context: Context } {
  const context = other === undefined ? storeContext() : otherContext(other);
  const name = `tidemark-${other ?? 'store'}:${digest(new Map([...context, ['runtime', { text: runtime }]]))}`;
  return { name, context };
}

/** What it stands on: tools, shims, Node. */
export async function runtimeImage(images: Images): Promise<string> {
  const { engine } = images;
  const brought = bringsNode(engine);
  const base = await baseImage(images, brought);
  const { name, context } = runtimeContext(base, brought);
  if ((await imageId(engine, name)) === undefined) await build(images, name, context, { BASE_IMAGE: base.name });
  return name;
}

function runtimeContext(base: Base, brought: boolean): { readonly name: string; readonly context: Context } {
  const ours: Context = new Map(
    ['Dockerfile', ...shims].map((path) => [path, { file: asset(`docker/runtime/${path}`) }] as const),
  );
  // The program itself is 100 MB: its version says as much.
  const version = { text: brought ? `${process.version} ${process.arch}` : 'of the base image' };
  const name = `tidemark-runtime:${digest(new Map([...ours, ['version', version], ['base', { text: base.id }]]))}`;
  const context: Context = new Map([
    ...ours,
    ['node.version', version] as const,
    ...(brought ? [['node', { file: process.execPath }] as const] : []),
  ]);
  return { name, context };
}

/**
 * Images of ours that neither this version, with the usual base, nor any container uses: those before what they were made from.
 * The base that was made here is kept: it is of every version.
 */
export async function unusedImages(engine: Engine): Promise<readonly { readonly id: string; readonly name: string }[]> {
  const kept = new Set<string>();
  for (const base of basesFor(undefined, bringsNode(engine))) {
    const id = await imageId(engine, base);
    if (id === undefined) continue;
    const runtime = runtimeContext({ name: base, id }, bringsNode(engine)).name;
    kept.add(runtime);
    for (const other of [undefined, ...readdirSync(asset('docker/systems'))]) kept.add(ofStore(runtime, other).name);
  }
  const { docker } = engine;
  const [images, containers] = await Promise.all([
    engine.ask('listing images', (abortSignal) =>
      docker.listImages({ filters: JSON.stringify({ label: Object.keys(LABELS) }), abortSignal }),
    ),
    engine.ask('listing containers', (abortSignal) => docker.listContainers({ all: true, abortSignal })),
  ]);
  const used = new Set(containers.map(({ ImageID }) => ImageID));
  return images
    .map(({ Id: id, RepoTags, Created }) => {
      const tags = (RepoTags as readonly string[] | null | undefined) ?? [];
      return { id, name: tags.find((tag) => !tag.startsWith('<none>')) ?? id, tags, created: Created };
    })
    .filter(({ id, tags }) => !used.has(id) && !tags.some((tag) => kept.has(tag)))
    .sort((a, b) => b.created - a.created);
}

/** False: something else needs it still. */
export async function removeImage(engine: Engine, id: string): Promise<boolean> {
  try {
    await engine.ask(`removing the image ${id}`, (abortSignal) => engine.docker.getImage(id).remove({ abortSignal }));
    return true;
  } catch (error) {
    const status = error instanceof EngineError ? error.status : undefined;
    if (status === 409 || status === 404) return status === 404;
    throw error;
  }
}

/** Whether the Node that runs this runs in the engine's containers too: Linux with glibc, of the same processor. */
function bringsNode({ facts }: Engine): boolean {
  const { header } = process.report.getReport() as unknown as {
    readonly header: { readonly glibcVersionRuntime?: string };
  }; // as Node documents it
  return process.platform === 'linux' && process.arch === facts.arch && header.glibcVersionRuntime !== undefined;
}

interface Base {
  readonly name: string;
  readonly id: string;
}

/** An image to build on. */
async function baseImage({ engine, base, say }: Images, brought: boolean): Promise<Base> {
  const candidates = basesFor(base?.name, brought);
  const [name] = candidates;
  for (const candidate of candidates) {
    const id = await imageId(engine, candidate);
    if (id !== undefined) return { name: candidate, id };
  }
  let why: string;
  try {
    say(`pulls the image ${name}`);
    await pull(engine, name);
    return await mustBeThere(engine, name);
  } catch (error) {
    why = reasonOf((error as Error).cause ?? error);
  }
  const cannot = `The image ${name} cannot be pulled (${why})`;
  if (base !== undefined)
    throw new BadInput(`${cannot}: --set ${base.setting} names one that can, or is on the engine.`);
  if (!brought) throw new BadInput(`${cannot}: name another with Node 20 in --set base-image.`);
  say(`cannot pull ${name} (${why}): makes ${OWN_BASE} with debootstrap, which takes a minute, once`);
  await bootstrap(engine, cannot);
  return mustBeThere(engine, OWN_BASE);
}

/** Whichever is on the engine is taken; the first is pulled where none is. */
function basesFor(given: string | undefined, brought: boolean): readonly [string, ...string[]] {
  if (given !== undefined) return [given];
  return brought ? ['debian:bookworm-slim', OWN_BASE] : ['node:20-bookworm-slim'];
}

async function imageId(engine: Engine, name: string): Promise<string | undefined> {
  try {
    const image = engine.docker.getImage(name) as unknown as Inspected;
    return (await engine.ask(`looking for the image ${name}`, (abortSignal) => image.inspect({ abortSignal }))).Id;
  } catch (error) {
    if (error instanceof EngineError && error.status === 404) return undefined;
    throw error;
  }
}

/** As dockerode has it, and its types do not. */
interface Inspected {
  inspect(options: { readonly abortSignal: AbortSignal }): Promise<{ readonly Id: string }>;
}

async function mustBeThere(engine: Engine, name: string): Promise<Base> {
  const id = await imageId(engine, name);
  if (id === undefined) throw new Error(`the image ${name} was made and is not there`);
  return { name, id };
}

async function pull(engine: Engine, name: string): Promise<void> {
  const work = async (abortSignal: AbortSignal): Promise<void> => {
    await followed(engine, await engine.docker.pull(name, { abortSignal }));
  };
  await engine.ask(`pulling ${name}`, work, PULL_NS);
}

async function bootstrap(engine: Engine, cannot: string): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new BadInput(
      `${cannot}, and only root can make one with debootstrap: run this once as root, or name another in --set base-image.`,
    );
  }
  const child = spawn('bash', [asset('docker/runtime/base.sh')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said = (said + text).slice(-4000)));
  const ended = new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', resolve);
  });
  const failure = (): BadInput => {
    const missing = /debootstrap: command not found/.test(said);
    const why = missing
      ? ', and debootstrap, which could make one, is not installed: install it, or name another in --set base-image.'
      : `, and debootstrap could not make one:\n${lastLines(said)}`;
    return new BadInput(`${cannot}${why}`);
  };
  try {
    const work = async (abortSignal: AbortSignal): Promise<void> => {
      const [repo, tag] = OWN_BASE.split(':');
      await followed(engine, await engine.docker.importImage(child.stdout, { repo, tag, abortSignal }));
    };
    await engine.ask(`importing ${OWN_BASE}`, work, BUILD_NS);
  } catch (error) {
    child.kill('SIGTERM');
    if ((await ended) !== 0) throw failure();
    throw error;
  }
  if ((await ended) !== 0) {
    // What was imported is a part of it.
    await engine.docker.getImage(OWN_BASE).remove();
    throw failure();
  }
}

async function build(
  { engine, say }: Images,
  name: string,
  context: Context,
  buildargs: Readonly<Record<string, string>>,
): Promise<void> {
  say(`makes the image ${name}`);
  const { tar, end } = packed(context);
  let said = '';
  try {
    const work = async (abortSignal: AbortSignal): Promise<void> => {
      const options = {
        t: name,
        buildargs: { ...buildargs },
        labels: { ...LABELS },
        rm: true,
        forcerm: true,
        abortSignal,
      };
      const answer = await engine.docker.buildImage(tar, options);
      await followed(engine, answer, (text) => void (said = (said + text).slice(-8000)));
    };
    await engine.ask(`building ${name}`, work, BUILD_NS);
  } catch (error) {
    throw new BadInput(
      `The image ${name} could not be built: ${reasonOf((error as Error).cause ?? error)}\n${lastLines(said)}`,
      { cause: error },
    );
  } finally {
    end();
  }
}

/** Reads what an engine says while it works, to its end. Rejects with the error that it says. */
function followed(
  engine: Engine,
  answer: NodeJS.ReadableStream,
  told: (text: string) => void = () => undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let failed: string | undefined;
    const modem = engine.docker.modem as Modem;
    modem.followProgress(
      answer,
      (error) => {
        if (error !== null) reject(error);
        else if (failed !== undefined) reject(new Error(failed));
        else resolve();
      },
      ({ stream, error }) => {
        if (stream !== undefined) told(stream);
        failed ??= error;
      },
    );
  });
}

interface Modem {
  followProgress(
    stream: NodeJS.ReadableStream,
    finished: (error: Error | null) => void,
    progress: (step: { readonly stream?: string; readonly error?: string }) => void,
  ): void;
}

function lastLines(text: string): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-LAST_LINES)
    .join('\n');
}
