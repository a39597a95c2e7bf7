/** What makes two groups of runs hardly comparable: sentences, none where nothing was found. */
import type { RunRecord } from './record.ts';

/** Of a plan, what decides the load. */
const decisive = ['nodes', 'rate', 'load', 'workloads', 'faults', 'schedule', 'readPaths', 'writePaths', 'settings'];
const ofBench = [
  'mix',
  'distribution',
  'records',
  'valueBytes',
  'targets',
  'writePath',
  'sessions',
  'warmUpNs',
  'durationNs',
  'repeats',
];

export function differences(a: readonly RunRecord[], b: readonly RunRecord[]): readonly string[] {
  const facts = (record: RunRecord): Readonly<Record<string, unknown>> => {
    const bench = record.plan['bench'] as Readonly<Record<string, unknown>> | undefined; // harness/bench/record.ts
    return {
      system: record.system,
      environment: record.environment,
      ...Object.fromEntries(decisive.map((name) => [name, record.plan[name]])),
      ...(bench === undefined && { durationNs: record.plan['durationNs'] }),
      ...Object.fromEntries(ofBench.map((name) => [`bench ${name}`, bench?.[name]])),
      machine: [record.machine?.processor ?? record.versions['processor'], record.machine?.processors].join(' '),
      Tidemark: record.versions['tidemark'],
      node: record.versions['node'],
    };
  };
  const valuesOf = (records: readonly RunRecord[]): Map<string, Set<string>> => {
    const values = new Map<string, Set<string>>();
    for (const record of records) {
      for (const [name, value] of Object.entries(facts(record))) {
        const known = values.get(name) ?? new Set();
        values.set(name, known.add(JSON.stringify(value) ?? 'nothing'));
      }
    }
    return values;
  };
  const [ofA, ofB] = [valuesOf(a), valuesOf(b)];
  return [...ofA].flatMap(([name, values]) => {
    const others = ofB.get(name) ?? new Set<string>();
    const same = values.size === others.size && [...values].every((value) => others.has(value));
    if (same) return [];
    const [of, onto] = [shown(values), shown(others)];
    // What begins alike and is cut short tells nothing.
    return [of === onto ? `${name} differs` : `${name} differs: ${of} against ${onto}`];
  });
}

function shown(values: ReadonlySet<string>): string {
  const text = [...values].sort().join(' or ');
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
