import type { Checker } from '../checker.ts';

export default {
  name: 'sequential',
  decides: 'sequential',
  check: (history) => ({ type: 'unknown', reason: 'not judged yet', examined: { operations: history.operations } }),
} satisfies Checker;
