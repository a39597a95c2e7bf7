import { MILLISECOND } from '../history/clock.ts';
import { defaultPlan, type Plan } from './plan.ts';
import { userPlugins } from './plugins.ts';

/** The command that runs this plan again: only what differs from the defaults. */
export function replayCommand(plan: Plan): string {
  const words = ['npx tidemark run', `--seed ${plan.seed}`];
  const say = (flag: string, value: string, unless: string): void => {
    if (value !== unless) words.push(`--${flag} ${value}`);
  };
  say('system', plan.system, defaultPlan.system);
  say('env', plan.environment, defaultPlan.environment);
  say('workload', plan.workloads.join(','), '');
  say('fault', plan.faults.join(','), 'mix');
  say('duration', `${plan.durationNs / MILLISECOND}ms`, `${defaultPlan.durationNs / MILLISECOND}ms`);
  say('nodes', String(plan.nodes), String(defaultPlan.nodes));
  say('load', plan.load, defaultPlan.load);
  say('rate', String(plan.rate), String(defaultPlan.rate));
  say('read-path', plan.readPaths.join(','), '');
  say('write-path', plan.writePaths.join(','), '');
  say('guarantee', plan.guarantees.join(','), '');
  for (const [name, value] of Object.entries(plan.settings)) words.push(`--set ${name}=${value}`);
  for (const file of userPlugins()) words.push(`--plugin ${file}`);
  return words.join(' ');
}
