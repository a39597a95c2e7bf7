/** What tests draw with: the part of `Random` that is needed here, so that this folder needs nothing outside itself. */
export interface Dice {
  /** In 0 … n-1. */
  below(n: number): number;
  /** Both included. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
}
