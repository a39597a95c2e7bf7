/** `tidemark convert`: a history in another format. */
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { printable } from '../checkers/explain/labels.ts';
import { BadHistory } from '../history/builder.ts';
import { readHistory } from '../history/codec/read.ts';
import { isTupled, writeEdn, writeJsonl } from '../history/codec/write.ts';
import { openInput } from './check-input.ts';
import type { Io } from './command.ts';
import { BadInput, type ExitCode, KEPT, unknownName } from './errors.ts';
import { refusals } from './refusals.ts';

export interface ConvertOptions {
  readonly to?: string;
  readonly output?: string;
  readonly independent?: boolean;
  readonly processes: string;
}

const FORMATS = ['edn', 'jsonl'] as const;

/** @throws BadInput for what cannot be read or written */
export async function convert(file: string, options: ConvertOptions, io: Io): Promise<ExitCode> {
  const { to, independent, processes } = options;
  const output = options.output === '-' ? undefined : options.output;
  if (to !== undefined && !FORMATS.some((format) => format === to)) throw unknownName('format', to, FORMATS);
  if (output?.toLowerCase().endsWith('.gz') === true) {
    throw new BadInput(
      `${output}: convert writes no gzip; let gzip do it: tidemark convert ${file} | gzip > ${output}.`,
    );
  }
  if (processes !== 'sequential' && processes !== 'overlapping') {
    throw unknownName('way that processes work', processes, ['sequential', 'overlapping']);
  }
  const { history, header, warnings, format } = await readFrom(file, { independent, processes }, io);
  if (warnings.tornLine !== undefined)
    io.err(`tidemark: ${printable(file)}: line ${warnings.tornLine} is cut off, and left out\n`);
  const target = to ?? formatNamed(output) ?? (format === 'edn' ? 'jsonl' : 'edn');
  const write = output === undefined ? undefined : writerTo(output);
  const put = async (text: string): Promise<void> => {
    if (write !== undefined) {
      write.put(text);
      return;
    }
    io.out(text);
    await io.drained();
  };
  try {
    if (target === 'jsonl' && header !== undefined) await put(`${JSON.stringify(header)}\n`);
    for (const piece of target === 'edn' ? writeEdn(history, header) : writeJsonl(history)) await put(piece);
  } finally {
    write?.close();
  }
  if (target === 'edn' && isTupled(history)) {
    io.err(`tidemark: ${history.keys.length} keys: values are independent tuples, [key value]\n`);
  }
  return KEPT;
}

/** What a file called so holds, where its name tells. */
function formatNamed(file: string | undefined): (typeof FORMATS)[number] | undefined {
  return FORMATS.find((format) => file?.toLowerCase().endsWith(`.${format}`) === true);
}

interface How {
  readonly independent: boolean | undefined;
  readonly processes: 'sequential' | 'overlapping';
}

async function readFrom(file: string, { independent, processes }: How, io: Io): ReturnType<typeof readHistory> {
  const input = openInput(file, io);
  try {
    const given = {
      processes,
      overlapAdvice: '--processes overlapping allows it',
      ...(independent === undefined ? {} : { independent }),
    };
    if (input === undefined) return await readHistory(file, { ...given, size: statSync(file).size });
    return await readHistory({ [Symbol.asyncIterator]: () => input.bytes }, given);
  } catch (error) {
    if (error instanceof BadHistory) {
      throw new BadInput(`${error.line === undefined ? file : `${file}, line ${error.line}`}: ${error.reason}`);
    }
    throw refused(file, error);
  } finally {
    input?.close();
  }
}

function refused(file: string, error: unknown): unknown {
  const sentence = refusals[(error as NodeJS.ErrnoException).code ?? ''];
  return sentence === undefined ? error : new BadInput(`${file}: ${sentence}`);
}

function writerTo(output: string): { put(text: string): void; close(): void } {
  let descriptor: number;
  try {
    descriptor = openSync(output, 'w');
  } catch (error) {
    throw new BadInput(`${output}: This file could not be written: ${(error as Error).message}.`);
  }
  return {
    put(text) {
      const bytes = Buffer.from(text);
      for (let from = 0; from < bytes.length; ) from += writeSync(descriptor, bytes, from);
    },
    close: () => closeSync(descriptor),
  };
}
