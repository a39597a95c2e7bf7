/** The models by name. */
import casRegister from '../models/cas-register.ts';
import register from '../models/register.ts';
import string from '../models/string.ts';
import type { Model } from '../model.ts';

export const models: readonly Model[] = [register, casRegister, string];

export function modelNamed(name: string): Model | undefined {
  return models.find((model) => model.name === name);
}
