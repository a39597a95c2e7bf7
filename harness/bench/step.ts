/** The figures of one measurement. */
import { SECOND } from '../../history/clock.ts';
import { decodeHistogram, Latencies, percentileNs } from '../../results/histograms.ts';
import type { LatencyRecord } from '../../results/record.ts';
import type { Window } from './meter.ts';
import type { Step, StepSeries } from './plan.ts';

export function stepOf(window: Window, what: Pick<Step, 'target' | 'rate' | 'repeat'>): Step {
  const { from, until, arrivals, answered, refused, unknown, shed, sampled, lateness } = window;
  const seconds = (until - from) / SECOND;
  return {
    ...what,
    seconds,
    arrivals,
    answered,
    refused,
    unknown,
    shed,
    sampled,
    throughput: answered / seconds,
    lateP99Ns: percentileNs(lateness.histogram, 99),
    series: seriesOf(window.latencies.records(), seconds),
  };
}

/** All roles together: what a user of the path sees. */
function seriesOf(records: readonly LatencyRecord[], seconds: number): readonly StepSeries[] {
  const whole = new Latencies();
  for (const { method, path, since, histogram, maxNs } of records)
    whole.series(method, path, '*', '', since).merge(decodeHistogram(histogram), maxNs);
  const merged = whole.records();
  return merged
    .filter(({ since }) => since === 'intended')
    .map(({ method, path, count, p50Ns, p90Ns, p99Ns, p999Ns, maxNs }) => {
      const sent = merged.find((one) => one.since === 'sent' && one.method === method && one.path === path);
      return {
        method,
        path,
        count,
        throughput: count / seconds,
        p50Ns,
        p90Ns,
        p99Ns,
        p999Ns,
        maxNs,
        sentP50Ns: sent?.p50Ns ?? Number.NaN,
        sentP99Ns: sent?.p99Ns ?? Number.NaN,
      };
    })
    .sort((a, b) => (`${a.method} ${a.path}` < `${b.method} ${b.path}` ? -1 : 1));
}
