import type { Checker } from '../checker.ts';

export default {
  name: 'causal-memory',
  decides: 'causal-memory',
  check: (history) => ({ type: 'unknown', reason: 'not judged yet', examined: { operations: history.operations } }),
} satisfies Checker;
