import { registerMachine } from '../linearizable/register.ts';
import type { Model } from '../model.ts';

export default {
  name: 'cas-register',
  about: 'A register with read, write and compare-and-set; a cas that failed with mismatch says what it did not hold.',
  methods: ['read', 'write', 'cas'],
  machine: registerMachine,
} satisfies Model;
