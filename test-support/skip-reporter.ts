/** Says why tests were skipped: one line a reason, with its count. The default reporter keeps the reasons to itself. */
import type { Reporter, TestModule } from 'vitest/node';

export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const line of skipLines(reasons(modules))) process.stdout.write(`${line}\n`);
  }
}

function* reasons(modules: readonly TestModule[]): Generator<string> {
  for (const module of modules) {
    for (const test of module.children.allTests('skipped')) {
      const result = test.result();
      yield (result.state === 'skipped' ? result.note : undefined) ?? 'no reason given';
    }
  }
}

/** Most frequent first. */
export function skipLines(given: Iterable<string>): readonly string[] {
  const counts = new Map<string, number>();
  for (const reason of given) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return sorted.map(([reason, count]) => `skipped ${count}: ${reason}`);
}
