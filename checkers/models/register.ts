import { registerMachine } from '../linearizable/register.ts';
import type { Model } from '../model.ts';

export default {
  name: 'register',
  about: 'A register with read and write.',
  methods: ['read', 'write'],
  machine: registerMachine,
} satisfies Model;
