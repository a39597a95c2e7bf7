/** Which faults a run has: what was asked for, as far as the environment and the system can do it. */
import type { Fault } from '../nemesis/fault.ts';
import { type Schedule, deedsOf, MIX, without as withoutDeeds } from '../nemesis/phases.ts';
import type { Environment } from './environments/environment.ts';
import { BadInput, checkNames } from './errors.ts';
import type { Plan } from './plan.ts';
import { loadFaults } from './plugins.ts';
import type { System } from './system.ts';

/** A fault that cannot be done, and why, as the second half of a sentence. */
export interface Unsupported {
  readonly fault: string;
  readonly why: string;
}

export interface Chosen {
  readonly faults: readonly Fault[];
  readonly mix: readonly string[];
  readonly schedule: Schedule | undefined;
  readonly unsupported: readonly Unsupported[];
}

/** Why a fault cannot be done; undefined: it can. */
export function whyNot(
  fault: Fault,
  system: System,
  environment: Environment,
  settings: Readonly<Record<string, string>>,
): string | undefined {
  const lacking = fault.levers.filter((lever) => {
    return lever === 'operate' ? system.operate === undefined : !environment.levers.includes(lever);
  });
  if (lacking.length === 0 && fault.strikesLeader === true && system.leaderless === true)
    return `it strikes the node that leads, and the system '${system.name}' tells of none`;
  const passedBy = fault.levers.find((lever) => system.unreachable?.[lever] !== undefined);
  if (passedBy !== undefined) return `it needs ${passedBy}, and ${system.unreachable?.[passedBy]}`;
  if (lacking.length === 0) return system.cannot?.(fault.name, new Map(Object.entries(settings)));
  const has = lacking[0] === 'operate' ? `the system '${system.name}'` : `the environment '${environment.name}'`;
  return `it needs ${lacking.join(' and ')}, which ${has} does not offer`;
}

/**
 * Of the mix what can be done; of those that were named, all, or those that can be done where the plan may be cut down. Throws
 * {@link BadInput} for a name that there is not, and for a fault that cannot be done.
 */
export async function chooseFaults(plan: Plan, system: System, environment: Environment): Promise<Chosen> {
  const all = await loadFaults();
  const whys = new Map(
    [...all.values()].map((fault) => [fault.name, whyNot(fault, system, environment, plan.settings)]),
  );
  const why = (name: string): string | undefined => whys.get(name);
  const ordinary = [...all.values()].filter(({ optIn }) => optIn !== true).map(({ name }) => name);
  const mix = ordinary.filter((name) => why(name) === undefined);
  const outOfMix = ordinary.filter((name) => why(name) !== undefined);
  const { schedule } = plan;
  const names = schedule === undefined ? plan.faults : deedsOf(schedule).map(({ fault }) => fault);
  if (schedule === undefined) checkAlone(names);
  const mixed = names.includes(MIX);
  const named = [...new Set(names)].filter((name) => name !== MIX && name !== 'none');
  checkNames('fault', named, ['none', MIX, ...all.keys()]);
  const cannot = named.filter((name) => why(name) !== undefined);
  if (cannot.length > 0 && plan.skipUnsupported !== true)
    throw new BadInput(`The fault '${cannot[0]}' cannot be done: ${why(cannot[0])}.`);
  const can = named.filter((name) => !cannot.includes(name));
  const chosen = mixed ? [...mix, ...can.filter((name) => !mix.includes(name))] : can;
  const out = [...new Set([...(mixed ? outOfMix : []), ...cannot])];
  return {
    faults: chosen.flatMap((name) => all.get(name) ?? []),
    mix,
    schedule: schedule === undefined ? undefined : withoutDeeds(schedule, (name) => cannot.includes(name)),
    unsupported: out.map((fault) => ({ fault, why: why(fault) ?? '' })),
  };
}

function checkAlone(names: readonly string[]): void {
  const alone = names.find((name) => name === 'none' || name === MIX);
  if (alone !== undefined && names.length > 1)
    throw new BadInput(`The fault '${alone}' stands alone: it goes with no other.`);
}

/**
 * The plan without these. Throws {@link BadInput} where one of them was named, and the plan may not be cut down. `mix`: what that
 * stood for.
 */
export function without(plan: Plan, mix: readonly string[], out: readonly Unsupported[]): Plan {
  const gone = new Set(out.map(({ fault }) => fault));
  const rest = mix.filter((name) => !gone.has(name));
  const { schedule } = plan;
  const names = schedule === undefined ? plan.faults : deedsOf(schedule).map(({ fault }) => fault);
  const named = out.find(({ fault }) => names.includes(fault));
  if (named !== undefined && plan.skipUnsupported !== true)
    throw new BadInput(`The fault '${named.fault}' cannot be done: ${named.why}.`);
  if (schedule === undefined) {
    const left = plan.faults[0] === MIX ? rest : plan.faults.filter((name) => !gone.has(name));
    return { ...plan, faults: left.length === 0 ? ['none'] : left };
  }
  const phases = withoutDeeds(schedule, (name) => gone.has(name)).phases.map((phase) => ({
    ...phase,
    streams: phase.streams.map((stream) => {
      if (stream.type !== 'random') return stream;
      const deeds = stream.deeds.flatMap((deed) => (deed.fault === MIX ? rest.map((fault) => ({ fault })) : [deed]));
      return { ...stream, deeds };
    }),
  }));
  return { ...plan, schedule: { phases } };
}
