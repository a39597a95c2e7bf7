/**
 * Sequential consistency (Lamport 1979): the operations of all keys in one order, that keeps the order of each session, in which each read
 * returns the latest write. Unlike linearizability it is not local: keys cannot be judged one by one.
 */
import type { Checker } from '../checker.ts';
import { judgeSequential } from '../sequential/judge.ts';

export default { name: 'sequential', decides: 'sequential', check: judgeSequential } satisfies Checker;
