/** fast-check, drawing from TIDEMARK_SEED: a property that fails once fails again. */
import * as fc from 'fast-check';
import { Random } from '../history/random.ts';
import { seed } from './rounds.ts';

fc.configureGlobal({ seed: new Random(`properties ${seed}`).below(2 ** 31) });

export { fc };
