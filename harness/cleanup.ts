/** `tidemark cleanup`: asks every environment that can leave something behind. */
import { join } from 'node:path';
import { realClock } from '../history/clock.ts';
import { endUnused } from '../results/embedded.ts';
import { pidOf } from '../results/lock.ts';
import { DatabaseUnavailable } from '../results/unavailable.ts';
import type { Io } from './command.ts';
import { BAD_INPUT, BadInput, type ExitCode, HARNESS_FAILED, KEPT, unknownName, worst } from './errors.ts';
import { loadEnvironments } from './plugins.ts';

export interface CleanUpOptions {
  readonly dryRun: boolean;
  readonly images: boolean;
  /** Of environments, by name: where to look besides. */
  readonly settings: ReadonlyMap<string, string>;
  readonly json: boolean;
}

export async function cleanUp({ dryRun, images, settings, json }: CleanUpOptions, io: Io): Promise<ExitCode> {
  const environments = [...(await loadEnvironments()).values()];
  for (const [name, value] of settings) {
    const known = environments.flatMap((environment) =>
      environment.settings.filter((setting) => setting.local === true),
    );
    const setting = known.find((one) => one.name === name);
    if (setting === undefined)
      throw unknownName('setting that says where to look', name, new Set(known.map((one) => one.name)));
    setting.check(value);
  }
  const codes: ExitCode[] = [KEPT];
  let removed = 0;
  for (const { name: environment, cleanUp: clean } of environments) {
    if (clean === undefined) continue;
    try {
      const done = await clean(dryRun, images, settings);
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
  try {
    // A killed run's user of it is dead already; what serves nobody would end by itself, but later than whoever lists what is left.
    const folder = join(io.cwd, '.tidemark', 'postgres');
    const ended = await endUnused({ folder, clock: realClock() }, dryRun);
    if (ended !== undefined) {
      removed++;
      const what = {
        kind: 'process',
        name: `${pidOf(ended.process)}, PostgreSQL of .tidemark/postgres, which nobody used`,
      };
      if (json)
        io.out(`${JSON.stringify({ schema: 1, type: 'removed', environment: null, ...what, run: null, dryRun })}\n`);
      else io.out(`${dryRun ? 'would remove' : 'removed'} the process ${what.name}, and the folder ${ended.socket}\n`);
    }
  } catch (error) {
    if (!(error instanceof DatabaseUnavailable)) throw error;
    io.err(`tidemark: ${error.message}.\n`);
    codes.push(HARNESS_FAILED);
  }
  const code = worst(codes);
  if (removed === 0 && code === KEPT && !json) io.out('nothing was left behind\n');
  return code;
}
