/** In place of the row of a write, or of its unit: a read returned what the register held before any write. */
export const INITIAL = -2;
