/** Where things stand in a YAML file, and what is wrong with them: one sentence a mistake, each with file, line and field. */
import type { Document, LineCounter, Node } from 'yaml';
import type { z } from 'zod';
import { BadInput } from '../errors.ts';

export type Path = readonly (string | number)[];

type Yaml = typeof import('yaml');

interface Mistake {
  readonly line: number;
  readonly field: string;
  readonly sentence: string;
}

export class Mistakes {
  readonly #file: string;
  readonly #yaml: Yaml;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #found: Mistake[] = [];

  constructor(file: string, yaml: Yaml, document: Document.Parsed, lines: LineCounter) {
    this.#file = file;
    this.#yaml = yaml;
    this.#document = document;
    this.#lines = lines;
  }

  /** `sentence` says what would be right. */
  add(path: Path, sentence: string): void {
    this.#found.push({ line: this.#lines.linePos(this.#offsetOf(path)).line, field: fieldText(path), sentence });
  }

  /** What the file's own grammar does not allow. */
  addAt(offset: number, sentence: string): void {
    this.#found.push({ line: this.#lines.linePos(offset).line, field: '', sentence });
  }

  /** The value as the schema makes it; undefined where it is not as it should be, which has been noted then. */
  examine<T>(schema: z.ZodType<T>, value: unknown, path: Path): T | undefined {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      const at = [...path, ...issue.path.filter((part) => typeof part !== 'symbol')];
      if (issue.code !== 'unrecognized_keys') this.add(at, issue.message);
      // One sentence a key, in their order: see fields().
      else for (const [i, key] of issue.keys.entries()) this.add([...at, key], issue.message.split('\n')[i] ?? '');
    }
    return undefined;
  }

  /** Throws {@link BadInput} with all that was found, in the order of the file, if anything was. */
  throwIfAny(): void {
    if (this.#found.length === 0) return;
    const lines = this.#found
      .map((mistake, i) => ({ mistake, i }))
      .sort((a, b) => a.mistake.line - b.mistake.line || a.i - b.i)
      .map(({ mistake: { line, field, sentence } }) => {
        return `${this.#file}:${line}: ${field === '' ? '' : `${field}: `}${sentence}`;
      });
    const all = [...new Set(lines)];
    throw new BadInput(all.length === 1 ? all[0] : `${all.length} mistakes in ${this.#file}:\n${all.join('\n')}`);
  }

  /** Of the key, or the item of a list; of what it would be in, where it is not there. */
  #offsetOf(path: Path): number {
    let node: unknown = this.#document.contents;
    let offset = rangeOf(node) ?? 0;
    for (const part of path) {
      if (this.#yaml.isAlias(node)) node = node.resolve(this.#document);
      if (this.#yaml.isMap(node)) {
        const pair = node.items.find(({ key }) => this.#yaml.isScalar(key) && String(key.value) === String(part));
        if (pair === undefined) return offset;
        offset = rangeOf(pair.key) ?? offset;
        node = pair.value;
      } else if (this.#yaml.isSeq(node) && typeof part === 'number') {
        node = node.items.at(part);
        offset = rangeOf(node) ?? offset;
      } else return offset;
    }
    return offset;
  }
}

function rangeOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

/** `phases[1].streams[0].for`, counted from 1 as people do. */
function fieldText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part + 1}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}
