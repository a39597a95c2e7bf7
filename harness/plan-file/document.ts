/** A YAML file that holds one map: what plan files and policies have in common before anything in them is looked at. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { BadInput, whyUnread } from '../errors.ts';
import { Mistakes } from './mistakes.ts';

export interface YamlMap {
  readonly plain: Readonly<Record<string, unknown>>;
  readonly mistakes: Mistakes;
}

/**
 * `what` names the file's kind ('plan'), `needed` what the map is of. Throws {@link BadInput} where there is no file, no YAML or no map; a
 * field that is given twice is noted, since the rest can be looked at in spite of it.
 */
export async function readYamlMap(what: string, needed: string, file: string, cwd: string): Promise<YamlMap> {
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(textOf(what, file, cwd), { lineCounter: lines, prettyErrors: false });
  const mistakes = new Mistakes(file, yaml, document, lines);
  for (const error of document.errors) mistakes.addAt(error.pos[0], `${error.message.split('\n')[0]}.`);
  if (document.errors.some(({ code }) => code !== 'DUPLICATE_KEY')) mistakes.throwIfAny();
  const value = plainOf(document, mistakes);
  if (!isMap(value)) {
    mistakes.add([], `${needed} is needed.`);
    mistakes.throwIfAny();
    throw new Error('not reached: there is a mistake');
  }
  return { plain: value, mistakes };
}

/** Aliases of aliases may stand for more than there is memory. */
function plainOf(document: { toJS(): unknown }, mistakes: Mistakes): unknown {
  try {
    return document.toJS();
  } catch (error) {
    mistakes.add([], `${(error as Error).message.split('\n')[0]}.`);
    mistakes.throwIfAny();
    throw error;
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(what: string, file: string, cwd: string): string {
  try {
    return readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    throw new BadInput(`The ${what} ${file} cannot be read: ${whyUnread(error)}.`, { cause: error });
  }
}
