import type { Checker } from '../checker.ts';

export default {
  name: 'causal-weak',
  decides: 'causal-weak',
  check: (history) => ({ type: 'unknown', reason: 'not judged yet', examined: { operations: history.operations } }),
} satisfies Checker;
