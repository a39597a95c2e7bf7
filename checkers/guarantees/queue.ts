import type { Checker } from '../checker.ts';

export default {
  name: 'queue',
  decides: 'queue',
  check: (history) => ({ type: 'unknown', reason: 'not judged yet', examined: { operations: history.operations } }),
} satisfies Checker;
