import { impossibleAlone } from '../linearizable/alone.ts';
import { machineOfMany } from '../linearizable/many-registers.ts';
import type { Model } from '../model.ts';

const model: Model = {
  name: 'multi-register',
  about: 'A register for each key; a transaction of reads and writes, or a read of many keys, is one operation.',
  methods: ['read', 'write'],
  partition: 'linked',
  transactions: true,
  machine: machineOfMany,
  decide: (history, rows, semantics, budget) => impossibleAlone(history, model, rows, semantics, budget),
};

export default model;
