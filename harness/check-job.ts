/** What `tidemark check` and its worker say to each other. */
import type { Semantics, Verdict } from '../checkers/checker.ts';
import type { StalenessReport } from '../checkers/staleness/report.ts';
import type { KnossosResult } from '../checkers/explain/knossos.ts';
import type { Dealing } from '../history/dealing.ts';
import type { Guarantee } from '../history/guarantee.ts';
import type { SharedHistory } from '../history/table.ts';
import type { Limits } from './limits.ts';

/** The reason where an array finds no room at all. */
export const MACHINE_SPENT = 'the memory of this machine is spent';

/** What all jobs on one file have in common. */
export interface Asked {
  /** Names the file's history: a worker that has it at hand does not take it again. */
  readonly of: number;
  readonly path: string | undefined;
  readonly semantics: Semantics;
  /** A user's own model, by its path; it takes the place of the one in `semantics`. */
  readonly modelFile: string | undefined;
  readonly limits: Limits;
  /** Whether to tell how stale reads were, after the verdicts. */
  readonly staleness: boolean;
  /** Whether verdicts are wanted in Knossos's shape as well. */
  readonly knossos: boolean;
}

export interface ReadJob extends Asked {
  readonly type: 'read';
  /** A path; undefined: the bytes are handed over piece by piece, each when asked for with `more`. */
  readonly file: string | undefined;
  /** What the first line is called. */
  readonly firstLine: number;
  /** Whether values are independent tuples; undefined: nobody has said. */
  readonly independent: boolean | undefined;
  readonly processes: 'sequential' | 'overlapping';
  /** Undefined: all that the history tells about. */
  readonly guarantees: readonly Guarantee[] | undefined;
  /** Whether somebody said what the keys are, so that they are judged as that, and as nothing else. */
  readonly modelGiven: boolean;
  /** How many workers may judge. Where several shall, this one only reads. */
  readonly jobs: number;
}

/** Judges a history that has been read, here or by another worker. */
export interface JudgeJob extends Asked {
  readonly type: 'judge';
  readonly history: SharedHistory;
  readonly dealing: Dealing | undefined;
  readonly uncommitted: readonly string[];
  readonly guarantees: readonly Guarantee[];
}

/** Loads a user's own model, so that what is wrong with it is told once, and not of each file: it may take as long as a judgement. */
export interface LoadJob {
  readonly type: 'load';
  readonly modelFile: string;
  /** As the user typed it. */
  readonly modelName: string;
  readonly limits: Limits;
}

export type Job = ReadJob | JudgeJob | LoadJob;

/** The history at hand is needed no more. */
export interface Forget {
  readonly type: 'forget';
}

/** A piece of the input; undefined at its end. */
export interface Piece {
  readonly type: 'piece';
  readonly bytes: Uint8Array | undefined;
}

export interface Read {
  readonly type: 'read';
  readonly operations: number;
  readonly guarantees: readonly Guarantee[];
  readonly warnings: readonly string[];
  /** For another worker to go on with; only where more than one thing is to be found out. */
  readonly history: SharedHistory | undefined;
  /** Only where an answer may belong to any of several reads. */
  readonly dealing: Dealing | undefined;
  /** What the history is of, where nobody said it and it tells; otherwise as asked. */
  readonly model: string | undefined;
  /** Paths of which the journal's header says that their reads may show what has not taken effect. */
  readonly uncommitted: readonly string[];
  /** Whether the worker that read goes on to judge. */
  readonly goesOn: boolean;
}

export type Message =
  | { readonly type: 'ready' }
  | { readonly type: 'more' }
  | Read
  | { readonly type: 'staleness'; readonly report: StalenessReport; readonly ms: number }
  /** The user's own model failed at a guarantee: one sentence. */
  | { readonly type: 'unfit'; readonly guarantee: Guarantee; readonly reason: string }
  | {
      readonly type: 'verdict';
      readonly guarantee: Guarantee;
      readonly verdict: Verdict;
      readonly ms: number;
      readonly knossos?: KnossosResult;
    }
  /** The input is no history, or the model none: one sentence, without the name of the history's file. */
  | { readonly type: 'bad'; readonly reason: string; readonly line: number | undefined }
  /** A fault of our own; nothing follows. */
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'done' };
