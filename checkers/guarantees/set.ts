import type { Checker } from '../checker.ts';

export default {
  name: 'set',
  decides: 'set',
  check: (history) => ({ type: 'unknown', reason: 'not judged yet', examined: { operations: history.operations } }),
} satisfies Checker;
