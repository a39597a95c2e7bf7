/** Which of a policy's limits holds for a measure: of those that fit, the one that names most of it. */
import type { Measure } from './measures.ts';

/** How much worse some measures may be. Fields that are not said fit all. */
export interface Limit {
  readonly type: Measure['type'];
  readonly methods?: readonly string[];
  readonly paths?: readonly string[];
  readonly phases?: readonly string[];
  readonly percentiles: readonly number[];
  /** 0.1: a tenth. */
  readonly worseBy: number;
  /** And at least by so much: nanoseconds, or operations per second. */
  readonly andBy: number;
}

/** The fields that a limit may name, or leave open. */
export const NAMED = ['methods', 'paths', 'phases'] as const;

const words = { methods: 'method', paths: 'path', phases: 'phase' } as const;

export function fits(limit: Limit, measure: Measure): boolean {
  if (limit.type !== measure.type) return false;
  const allows = (names: readonly string[] | undefined, name: string): boolean => names?.includes(name) !== false;
  if (!allows(limit.paths, measure.path)) return false;
  if (measure.type === 'ladder') return true;
  if (!allows(limit.methods, measure.method) || !allows(limit.phases, measure.phase)) return false;
  return measure.type === 'throughput' || limit.percentiles.includes(measure.percentile);
}

/**
 * Of those that fit, the one that names most of method, path and phase; of several that name as much, the strictest. What a share and an
 * amount allow depends on what the `baseline` made of the measure: nanoseconds, or operations per second; NaN where nothing is known.
 */
export function limitOf(limits: readonly Limit[], measure: Measure, baseline: number): Limit | undefined {
  const most = (limit: Limit): number => NAMED.filter((field) => limit[field] !== undefined).length;
  const fitting = limits.filter((limit) => fits(limit, measure));
  return fitting.toSorted(
    (x, y) => most(y) - most(x) || allowed(x, baseline) - allowed(y, baseline) || x.worseBy - y.worseBy,
  )[0];
}

/** As a share of what the baseline made: a change has to be more than both. */
export function allowed({ worseBy, andBy }: Limit, baseline: number): number {
  return baseline > 0 ? Math.max(worseBy, andBy / baseline) : worseBy;
}

/** What limits name, and none of these measures has: `p99 of path folower`. */
export function unmet(limits: readonly Limit[], measures: readonly Measure[]): readonly string[] {
  return limits.flatMap((limit) => {
    const matches = (one: Limit): boolean => measures.some((measure) => fits(one, measure));
    const missing = NAMED.flatMap((field) =>
      (limit[field] ?? [])
        .filter((word) => !matches({ ...limit, [field]: [word] }))
        .map((word) => `${words[field]} ${word}`),
    );
    if (missing.length > 0) return [`${figuresOf(limit)} of ${missing.join(', ')}`];
    return matches(limit) ? [] : [figuresOf(limit)];
  });
}

/**
 * Figures of limits that fit some of these measures, and hold for none: `p99 of method read (worse-by 10%)`. A percentile in a list is as
 * good as one in a limit of its own.
 */
export function overruledIn(
  limits: readonly Limit[],
  measures: readonly Measure[],
  baselineOf: (measure: Measure) => number,
): readonly string[] {
  const holding = measures.map((measure) => ({ measure, limit: limitOf(limits, measure, baselineOf(measure)) }));
  return limits.flatMap((limit) => {
    const figures = limit.type === 'latency' ? limit.percentiles.map((one) => [one]) : [[]];
    return figures
      .map((percentiles): Limit => ({ ...limit, percentiles }))
      .filter((figure) => {
        const own = holding.filter(({ measure }) => fits(figure, measure));
        return own.length > 0 && own.every((one) => one.limit !== limit);
      })
      .map((figure) => `${namesOf(figure)} (worse-by ${Number((100 * limit.worseBy).toFixed(3))}%)`);
  });
}

function namesOf(limit: Limit): string {
  const said = NAMED.flatMap((field) => limit[field]?.map((word) => `${words[field]} ${word}`) ?? []);
  return said.length === 0 ? figuresOf(limit) : `${figuresOf(limit)} of ${said.join(', ')}`;
}

function figuresOf({ type, percentiles }: Limit): string {
  if (type === 'latency') return percentiles.map((one) => `p${one}`).join(' and ');
  return type === 'ladder' ? 'highest-rate' : 'throughput';
}
