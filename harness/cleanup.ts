/** `tidemark cleanup`: asks every environment that can leave something behind. */
import type { Io } from './command.ts';
import { BAD_INPUT, BadInput, type ExitCode, HARNESS_FAILED, KEPT, worst } from './errors.ts';
import { loadEnvironments } from './plugins.ts';

export interface CleanUpOptions {
  readonly dryRun: boolean;
  readonly images: boolean;
  readonly json: boolean;
}

export async function cleanUp({ dryRun, images, json }: CleanUpOptions, io: Io): Promise<ExitCode> {
  const codes: ExitCode[] = [KEPT];
  let removed = 0;
  for (const { name: environment, cleanUp: clean } of (await loadEnvironments()).values()) {
    if (clean === undefined) continue;
    try {
      const done = await clean(dryRun, images);
      for (const { kind, name, run } of done.removed) {
        removed++;
        if (json) io.out(`${JSON.stringify({ schema: 1, type: 'removed', environment, kind, name, run, dryRun })}\n`);
        else io.out(`${dryRun ? 'would remove' : 'removed'} the ${kind} ${name}\n`);
      }
      for (const failure of done.failures) io.err(`tidemark: ${environment}: ${failure}\n`);
      if (done.failures.length > 0) codes.push(HARNESS_FAILED);
    } catch (error) {
      if (!(error instanceof BadInput)) throw error;
      // Where it cannot run now, it may have run before: whoever asks is told that nobody looked.
      io.err(`tidemark: ${environment}: nothing was looked for. ${error.message}\n`);
      codes.push(BAD_INPUT);
    }
  }
  const code = worst(codes);
  if (removed === 0 && code === KEPT && !json) io.out('nothing was left behind\n');
  return code;
}
