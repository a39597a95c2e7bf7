/** `tidemark cleanup`: asks every environment that can leave something behind. */
import type { Io } from './command.ts';
import { BadInput, type ExitCode, HARNESS_FAILED, KEPT } from './errors.ts';
import { loadEnvironments } from './plugins.ts';

export interface CleanUpOptions {
  readonly dryRun: boolean;
  readonly json: boolean;
}

export async function cleanUp({ dryRun, json }: CleanUpOptions, io: Io): Promise<ExitCode> {
  let failed = false;
  let removed = 0;
  for (const { name: environment, cleanUp: clean } of (await loadEnvironments()).values()) {
    if (clean === undefined) continue;
    try {
      const done = await clean(dryRun);
      for (const { kind, name, run } of done.removed) {
        removed++;
        if (json) io.out(`${JSON.stringify({ schema: 1, type: 'removed', environment, kind, name, run, dryRun })}\n`);
        else io.out(`${dryRun ? 'would remove' : 'removed'} the ${kind} ${name}\n`);
      }
      for (const failure of done.failures) io.err(`tidemark: ${environment}: ${failure}\n`);
      failed ||= done.failures.length > 0;
    } catch (error) {
      if (!(error instanceof BadInput)) throw error;
      // Where it cannot run now, it may have run before: whoever asks is told that nobody looked.
      io.err(`tidemark: ${environment}: nothing was looked for. ${error.message}\n`);
    }
  }
  if (removed === 0 && !json) io.out('nothing was left behind\n');
  return failed ? HARNESS_FAILED : KEPT;
}
