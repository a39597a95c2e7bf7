/** `--svg`: one picture an anomaly, in a folder of the user's. */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Anomaly } from '../checkers/checker.ts';
import { timelineSvg } from '../checkers/explain/svg.ts';
import type { Guarantee } from '../history/guarantee.ts';
import { BadInput } from './errors.ts';

export interface Pictures {
  /** Returns the paths of the files. */
  write(file: string, guarantee: Guarantee, anomalies: readonly Anomaly[]): string[];
}

/** Makes the folder if need be; names are those of the histories, numbered where two are alike. */
export function picturesIn(folder: string): Pictures {
  attempt(folder, () => makeFolder(resolve(folder)));
  const taken = new Set<string>();
  return {
    write: (file, guarantee, anomalies) =>
      anomalies.map((anomaly, i) => {
        const history = file === '-' ? 'stdin' : basename(file).replace(/[^\w.-]/g, '_');
        const stem = `${history}-${guarantee}-${i + 1}`;
        let name = stem;
        for (let copy = 2; taken.has(name); copy++) name = `${stem}-${copy}`;
        taken.add(name);
        const path = join(folder, `${name}.svg`);
        attempt(path, () => writeFileSync(path, timelineSvg(anomaly)));
        return path;
      }),
  };
}

/** One folder after the other: Node's own recursion never ends where a file system makes none (`/proc/x`). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error('no directory'), { code: 'ENOTDIR' });
    return;
  }
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

function attempt(path: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new BadInput(`--svg cannot write ${path} (${code}).`, { cause: error });
  }
}
