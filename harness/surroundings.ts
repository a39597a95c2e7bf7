/** Where a run is made: the machine, and the revision of what is tested. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem, type as kernelName } from 'node:os';
import type { GitRecord, MachineRecord } from '../results/record.ts';

export function machine(): MachineRecord {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    memoryBytes: totalmem(),
    kernel: release(),
    operatingSystem: operatingSystem(),
    architecture: arch(),
  };
}

function operatingSystem(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? kernelName();
  } catch {
    return kernelName();
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** By folder: a campaign asks once. */
const known = new Map<string, { readonly git?: GitRecord }>();

/** `{}` where there is no repository, no commit yet, or no git. */
export function gitOf(folder: string, env: Environment = process.env): { readonly git?: GitRecord } {
  let found = known.get(folder);
  if (found === undefined) known.set(folder, (found = ask(folder, env)));
  return found;
}

function ask(folder: string, env: Environment): { readonly git?: GitRecord } {
  const git = (...args: readonly string[]): string | undefined => {
    const asked = spawnSync('git', ['-C', folder, ...args], { encoding: 'utf8', timeout: 5_000, env: quiet(env) });
    return asked.status === 0 ? asked.stdout.trim() : undefined;
  };
  const revision = git('rev-parse', '--verify', 'HEAD');
  if (revision === undefined || !/^[0-9a-f]{40,64}$/.test(revision)) return {};
  const branch = branchOfCi(env) ?? git('symbolic-ref', '--short', '--quiet', 'HEAD');
  // A question must not write: refreshing the index takes its lock, and somebody may be committing.
  const dirty = git('--no-optional-locks', 'status', '--porcelain', '--untracked-files=no') !== '';
  return { git: { revision, ...(branch !== undefined && branch !== '' && { branch }), dirty } };
}

/** What a hook of git's sets would point at another repository. */
function quiet(env: Environment): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE)$/.test(name)));
}

/** CI checks a commit out, not a branch: GitHub's and GitLab's variables say which it was. */
function branchOfCi(env: Environment): string | undefined {
  const named = [env['GITHUB_HEAD_REF'], env['CI_MERGE_REQUEST_SOURCE_BRANCH_NAME'], env['CI_COMMIT_BRANCH']];
  const pushed = env['GITHUB_REF_TYPE'] === 'branch' ? env['GITHUB_REF_NAME'] : undefined;
  return [...named, pushed].find((name) => name !== undefined && name !== '');
}
