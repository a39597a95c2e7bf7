/**
 * Where the agent finds and leaves things: in a container as its image has it, with everything there its own; on a machine
 * that others use too as `--place FILE` says, and then it touches only what belongs to this run.
 */
import { readFileSync } from 'node:fs';

/** A file in every folder of a run's on a machine; holds whose it is. */
export const RUN_MARK = '.tidemark-run';

export interface Place {
  /** For what lives as long as the agent. */
  readonly folder: string;
  /** Holds tm-net and tm-io.so, where there are any. */
  readonly shims: string;
  /** Undefined in a container. */
  readonly machine?: Machine;
}

export interface Machine {
  /** The run's own folder, with all that is above: removed when the agent ends. */
  readonly root: string;
  /** Of the run's stores, on every machine: only packets to it and from it are touched. Names chains and the queue. */
  readonly port: number;
  /** Whether the agent may change rules: it is root, and there are the programs for it. */
  readonly rules: boolean;
  /** A harness that says nothing for so long is gone. */
  readonly silenceMs: number;
  /** For the store, beyond the agent's own. */
  readonly env: Readonly<Record<string, string>>;
}

const IN_A_CONTAINER: Place = { folder: '/run/tidemark', shims: '/opt/shims' };

function given(): Place {
  const at = process.argv.indexOf('--place');
  return at < 0 ? IN_A_CONTAINER : (JSON.parse(readFileSync(process.argv[at + 1], 'utf8')) as Place); // the harness's own word
}

export const place: Place = given();

const port = place.machine?.port;

/** What every rule begins with, beyond addresses: each packet of the run's matches one of them. */
export const matches: readonly string[] =
  port === undefined ? [''] : [`-p tcp --dport ${port} `, `-p tcp --sport ${port} `];

export function chain(name: string): string {
  return port === undefined ? name : `${name}-${port}`;
}

/** Of NFQUEUE. */
export const queue: number = port ?? 0;
