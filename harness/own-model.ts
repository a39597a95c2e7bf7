/** Loads a model of a user's own: `tidemark check --model ./my-model.mjs`. */
import { Console } from 'node:console';
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import type { Model } from '../checkers/model.ts';
import { BadModel, modelOf } from '../checkers/own-model.ts';
import { BadInput } from './errors.ts';

/** What has the look of a path is no name. */
export const isModelFile = (name: string): boolean => /[/\\]|\.m?js$/.test(name);

/**
 * What can be said of a model without running it.
 *
 * @param path absolute
 * @param name the path as the user typed it
 * @throws BadInput naming the file
 */
export function lookForOwnModel(path: string, name: string): void {
  if (!/\.m?js$/.test(path)) throw new BadInput(`${name}: a model of your own is a .js or .mjs file.`);
  if (!existsSync(path)) throw new BadInput(`${name}: there is no such model.`);
}

/**
 * Runs the user's file, which may never end: for a worker that somebody watches.
 *
 * @param path absolute
 * @param name the path as the user typed it
 * @throws BadInput naming file and field
 */
export async function loadOwnModel(path: string, name = path): Promise<Model> {
  lookForOwnModel(path, name);
  // What a user's model prints is no part of the verdict, of which others may read the JSON on stdout.
  globalThis.console = new Console(process.stderr);
  if (!isMainThread) {
    // It would end the worker, with nothing said of why.
    process.exit = () => {
      throw new Error('a model must not call process.exit');
    };
  }
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new BadInput(`${name}: could not be loaded: ${message}`, { cause: error });
  }
  if (module['default'] === undefined) throw new BadInput(`${name}: a model needs a default export.`);
  try {
    return modelOf(module['default']);
  } catch (error) {
    if (!(error instanceof BadModel)) throw error;
    throw new BadInput(`${name}: ${error.message}`, { cause: error });
  }
}
