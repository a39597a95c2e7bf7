import type { Checker } from '../checker.ts';

export default {
  name: 'consistent-prefix',
  decides: 'consistent-prefix',
  check: (history) => ({ type: 'unknown', reason: 'not judged yet', examined: { operations: history.operations } }),
} satisfies Checker;
