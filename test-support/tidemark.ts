/** Runs the program as a user would, from dist: `node bin/tidemark.mjs …`. */
import { spawn, spawnSync } from 'node:child_process';
import { asset } from '../harness/entry.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  /** The package's folder unless said otherwise. */
  readonly cwd?: string;
  /** Added to the process's own; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** Closes stdout after its first line, as `| head -1` does. */
  readonly firstLineOnly?: boolean;
}

/** What the bin says when somebody has edited a source since `buildFirst`. */
const ofTheBuild = /^tidemark: sources have changed, building first\n(?:\S+\(\d+,\d+\): error .*\n(?: .*\n)*)*/;

let built = false;

/** Builds when the sources have changed; type errors are `npm run check`'s business. */
export function buildFirst(): void {
  if (!built) spawnSync(process.execPath, [asset('scripts/build.mjs')], { stdio: 'ignore' });
  built = true;
}

/** Ends with the process; the test's own time-out is the deadline. */
export function tidemark(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  buildFirst();
  const { cwd = asset('.'), env = {}, input = '', firstLineOnly = false } = surroundings;
  const quiet = { NO_COLOR: '1', FORCE_COLOR: undefined, NODE_OPTIONS: undefined, TIDEMARK_PLUGINS: undefined };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [asset('bin/tidemark.mjs'), ...args], {
      cwd,
      env: { ...process.env, ...quiet, ...env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (firstLineOnly && stdout.includes('\n')) child.stdout.destroy();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr: stderr.replace(ofTheBuild, '') }));
  });
}
