/**
 * A cluster and its journal, from deployment to tear-down: what a run and a bench do alike around the course of their own. The journal is
 * complete and closed when this returns, whatever went wrong after it was begun.
 */
import { MILLISECOND, realClock } from '../history/clock.ts';
import type { Value } from '../history/operation.ts';
import type { DeployOptions, Deployment, NodeEvent } from './environments/environment.ts';
import { BAD_INPUT, type ExitCode, HARNESS_FAILED } from './errors.ts';
import type { Following } from './following.ts';
import type { ResolvedPlan } from './plan.ts';
import { NotStarted } from './ready.ts';
import { Recorder } from './recorder.ts';
import { Watch } from './watch.ts';

export interface Ground {
  readonly cluster: Deployment;
  readonly recorder: Recorder;
  readonly watch: Watch;
}

export interface Deploying<Course extends { main(): Promise<void> }> {
  readonly plan: ResolvedPlan;
  readonly journal: string;
  readonly header: Readonly<Record<string, Value>>;
  readonly run: DeployOptions['run'];
  readonly following: Following | undefined;
  /** Called once, before `main`, when nodes may be up but nobody has asked them anything. */
  readonly begin: (ground: Ground) => Course;
}

/** What is left when the cluster is gone. */
export interface Left<Course> {
  readonly course: Course;
  readonly watch: Watch;
  readonly journalSha256: string;
  readonly environment: Readonly<Record<string, number>>;
  readonly virtualNs: number;
  readonly wallMs: number;
  readonly failures: readonly string[];
  /** Why the cluster never came to be led, in one sentence: nothing was tried. */
  readonly notStarted?: { readonly why: string; readonly exitCode: ExitCode };
}

export async function onCluster<Course extends { main(): Promise<void> }>(
  deploying: Deploying<Course>,
): Promise<Left<Course>> {
  const real = realClock();
  const { plan, run, following } = deploying;
  const { system, environment, settings } = plan.use;
  const nodes = Array.from({ length: plan.nodes }, (_, i) => `n${i + 1}`);
  const failures: string[] = [];
  let notStarted: Left<Course>['notStarted'];
  // The journal needs the deployment's clock, and a deployment tells of its nodes at once: what it tells first, waits.
  const early: NodeEvent[] = [];
  let listen = (event: NodeEvent): void => void early.push(event);
  const cluster = await environment.deploy(new Map(nodes.map((node) => [node, system.node(node, nodes, settings)])), {
    seed: plan.seed,
    settings,
    observe: (event) => listen(event),
    ...(run !== undefined && { run }),
  });
  const recorder = new Recorder({
    file: deploying.journal,
    clock: cluster.clock,
    real,
    ...(following !== undefined && { following }),
  });
  recorder.header(deploying.header);
  const watch = new Watch(system, nodes, recorder, settings);
  listen = (event) => watch.observe(event);
  for (const event of early) watch.observe(event);
  const course = deploying.begin({ cluster, recorder, watch });
  try {
    await cluster.run(() => course.main());
  } catch (error) {
    if (error instanceof NotStarted) {
      notStarted = { why: error.message, exitCode: cluster.refused?.() === true ? BAD_INPUT : HARNESS_FAILED };
      failures.push(error.message);
    } else failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const journalSha256 = recorder.close();
  if (notStarted === undefined) failures.push(...cluster.crashes());
  const virtualNs = cluster.clock.now();
  const statistics = cluster.statistics();
  await cluster.destroy().catch((error: unknown) => failures.push(`tear-down failed: ${String(error)}`));
  return {
    course,
    watch,
    journalSha256,
    environment: statistics,
    virtualNs,
    wallMs: real.now() / MILLISECOND,
    failures,
    ...(notStarted !== undefined && { notStarted }),
  };
}
