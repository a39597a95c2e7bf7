/** What stands for the write that a read returned, where it is none. */

/** In place of the row of a write: what a read returned if it was no write's value. */
export const INITIAL = -1;
/** No write that may have happened wrote this value to this key. */
export const UNWRITTEN = -2;
/** Several writes wrote this value, and no version tells them apart. */
export const AMBIGUOUS = -3;
/** Not a read, or one that says nothing. */
export const NOTHING = -4;
