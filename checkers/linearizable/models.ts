/** The models by name. */
import casRegister from '../models/cas-register.ts';
import counter from '../models/counter.ts';
import fifoQueue from '../models/fifo-queue.ts';
import multiRegister from '../models/multi-register.ts';
import mutex from '../models/mutex.ts';
import register from '../models/register.ts';
import set from '../models/set.ts';
import string from '../models/string.ts';
import unorderedQueue from '../models/unordered-queue.ts';
import type { Model } from '../model.ts';

/** One for each file in checkers/models/. */
export const models: readonly Model[] = [
  register,
  casRegister,
  multiRegister,
  string,
  counter,
  set,
  fifoQueue,
  unorderedQueue,
  mutex,
];

/** A model by name, or the model itself. */
export function modelNamed(name: string | Model): Model | undefined {
  if (typeof name !== 'string') return name;
  return models.find((model) => model.name === name);
}
