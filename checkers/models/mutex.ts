import { INFO, METHODS, OK } from '../../history/history.ts';
import type { Machine, Model } from '../model.ts';
import { ILLEGAL } from '../model.ts';

const ACQUIRE = METHODS.indexOf('acquire');
const FREE = 0;
const HELD = 2;

export default {
  name: 'mutex',
  about: 'A lock with acquire and release: free at first, acquired only when free, released only when held.',
  methods: ['acquire', 'release'],
  machine({ f, outcome }): Machine {
    return {
      initial: FREE,
      relevant: (row) => outcome[row] === OK || outcome[row] === INFO,
      pure: () => false,
      show: (state) => (state === FREE ? 'free' : 'held'),
      kind: (row) => (f[row] === ACQUIRE ? 0 : 1),
      step(state, row) {
        if (f[row] === ACQUIRE) return state === FREE ? HELD : ILLEGAL;
        return state === HELD ? FREE : ILLEGAL;
      },
    };
  },
} satisfies Model;
