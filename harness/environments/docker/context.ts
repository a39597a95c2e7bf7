/** What goes into an image: files from here, by the paths they have there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { asset } from '../../entry.ts';
import { isDead, ownerMark } from './owner.ts';

/** Path in the image's context → file here, or what it holds. */
export type Context = ReadonlyMap<string, { readonly file: string } | { readonly text: string | Uint8Array }>;

/** The reference store and the agent, as built, with the packages they need and nothing else. */
export function storeContext(): Context {
  const context = new Map<string, { readonly file: string }>();
  const add = (path: string, file: string): void => void context.set(path, { file });
  add('Dockerfile', asset('docker/tidemark-store/Dockerfile'));
  for (const path of ['package.json', 'bin/tidemark-store.mjs']) add(path, asset(path));
  const built = [
    'dist/reference-impl',
    'dist/history',
    'dist/harness/environments/real',
    'dist/harness/environments/docker/agent',
  ];
  for (const folder of built) {
    if (!existsSync(asset(folder))) throw new Error(`${folder} is not built: run 'npm run build'`);
    for (const path of modulesBelow(asset(folder))) add(`${folder}/${path}`, join(asset(folder), path));
  }
  for (const [name, folder] of packages(['@commander-js/extra-typings', 'commander', 'prom-client', 'yaml', 'zod'])) {
    for (const path of modulesBelow(folder)) add(`node_modules/${name}/${path}`, join(folder, path));
  }
  return context;
}

/** What is in a store's folder of docker/systems/, and the agent as built below `agent/`. */
export function otherContext(name: string): Context {
  const context = new Map<string, { readonly file: string }>();
  const own = asset(`docker/systems/${name}`);
  for (const path of readdirSync(own).sort()) context.set(path, { file: join(own, path) });
  context.set('agent/package.json', { file: asset('package.json') }); // says that what is there are modules
  for (const folder of ['dist/history', 'dist/harness/environments/real', 'dist/harness/environments/docker/agent']) {
    if (!existsSync(asset(folder))) throw new Error(`${folder} is not built: run 'npm run build'`);
    for (const path of modulesBelow(asset(folder)))
      context.set(`agent/${folder}/${path}`, { file: join(asset(folder), path) });
  }
  return context;
}

/** Folders of these packages and of all they depend on. */
function packages(names: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (name: string, from: string): void => {
    const folder = packageFolder(name, from);
    if (found.get(name) === folder) return;
    if (found.has(name)) throw new Error(`there are two versions of ${name} to put into an image`);
    found.set(name, folder);
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      readonly dependencies?: Readonly<Record<string, string>>;
    }; // npm has read it already
    for (const dependency of Object.keys(dependencies)) visit(dependency, folder);
  };
  for (const name of names) visit(name, asset('.'));
  return found;
}

/** As Node looks for it: in the nearest `node_modules` above. */
function packageFolder(name: string, from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (folder === dirname(folder)) throw new Error(`the package ${name} is not installed`);
  }
}

/** What Node loads: no types, maps or documents. Paths with `/`, sorted. */
function modulesBelow(folder: string): readonly string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'));
  return paths
    .filter((path) => /\.(?:[cm]?js|json)$/.test(path) && !/(?:^|\/)node_modules\//.test(path))
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();
}

/** The same for the same files under the same names. */
export function digest(context: Context): string {
  const hash = createHash('sha256');
  for (const [path, content] of context) {
    const bytes = 'text' in content ? Buffer.from(content.text) : readFileSync(content.file);
    hash.update(`${path} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex').slice(0, 12);
}

const PACKED = 'tidemark-image-';

/** What killed harnesses of this machine were packing; removes it, unless it is only asked for. */
export function removePacked(dryRun: boolean): readonly string[] {
  const left = readdirSync(tmpdir()).filter((name) => {
    const mark = /^tidemark-image-([0-9a-f]{8}-\d+-\d+)-/.exec(name)?.[1];
    return mark !== undefined && isDead(mark);
  });
  const paths = left.map((name) => join(tmpdir(), name));
  if (!dryRun) for (const path of paths) rmSync(path, { recursive: true, force: true });
  return paths;
}

/** The context as a tar stream, made by the system's `tar`. `end` ends it and removes what it was made from. */
export function packed(context: Context): { readonly tar: Readable; end(): void } {
  const folder = mkdtempSync(join(tmpdir(), `${PACKED}${ownerMark()}-`));
  for (const [path, content] of context) {
    const at = join(folder, path);
    mkdirSync(dirname(at), { recursive: true });
    if ('text' in content) writeFileSync(at, content.text);
    else symlinkSync(content.file, at);
  }
  const child: ChildProcess = spawn('tar', ['-C', folder, '-ch', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { stdout } = child;
  if (stdout === null) throw new Error('tar has no output');
  child.on('error', (error) => stdout.destroy(error));
  return {
    tar: stdout,
    end: () => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
