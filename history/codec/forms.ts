/** Where the values of EDN and JSON begin and end, without reading what they say. */

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const NUMBER_SIGN = 0x23;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;
const CARET = 0x5e;
const UNDERSCORE = 0x5f;

const BLANK = 1;
const ENDS = 2;
const OPENS = 3;
const CLOSES = 4;
/** What a byte means where no string, comment or name is open. */
const KINDS = new Uint8Array(256);
for (const character of '\t\n\v\f\r ,') KINDS[character.charCodeAt(0)] = BLANK;
for (const character of '";\\') KINDS[character.charCodeAt(0)] = ENDS;
for (const character of '([{') KINDS[character.charCodeAt(0)] = OPENS;
for (const character of ')]}') KINDS[character.charCodeAt(0)] = CLOSES;

/** What goes on beyond the bytes at hand. */
export const INCOMPLETE = -1;

/**
 * The place after the value that begins at or after `from`, with its tags, its metadata and what is discarded before it;
 * INCOMPLETE where it may go on past `to`. A value that nests deeper than `depthMax` ends where it does.
 */
export function endOfForm(bytes: Buffer, from: number, to: number, depthMax: number): number {
  let depth = 0;
  let wanted = 1;
  for (let at = from; at < to; ) {
    const byte = bytes[at];
    const kind = KINDS[byte];
    if (kind === BLANK) {
      at++;
      continue;
    }
    if (byte === SEMICOLON) {
      const newline = bytes.indexOf(NEWLINE, at);
      if (newline < 0 || newline >= to) return INCOMPLETE;
      at = newline + 1;
      continue;
    }
    if (kind === OPENS) {
      if (++depth > depthMax) return to;
      at++;
      continue;
    }
    if (kind === CLOSES) {
      if (depth === 0) return at; // of what is around it
      depth--;
      at++;
    } else if (byte === QUOTE) {
      at = endOfText(bytes, at, to);
    } else if (byte === NUMBER_SIGN || byte === CARET) {
      const next = at + 1 < to ? bytes[at + 1] : 0;
      if (next === 0) return INCOMPLETE;
      if (byte === CARET || next === UNDERSCORE) {
        // Two values: what is told of the other, or discarded, and the other.
        if (depth === 0) wanted++;
        at += byte === CARET ? 1 : 2;
        continue;
      }
      if (KINDS[next] !== 0) {
        at++; // a set, or a pattern
        continue;
      }
      at = endOfName(bytes, at + 1, to);
      if (next !== NUMBER_SIGN && at !== INCOMPLETE) continue; // a tag
    } else {
      at = endOfName(bytes, byte === BACKSLASH ? at + 2 : at, to);
    }
    if (at === INCOMPLETE) return INCOMPLETE;
    if (depth === 0 && --wanted === 0) return at;
  }
  return INCOMPLETE;
}

function endOfText(bytes: Buffer, start: number, to: number): number {
  for (let at = start + 1; at < to; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at + 1;
  }
  return INCOMPLETE;
}

/** Of a name or number; one that the bytes end with may go on. */
function endOfName(bytes: Buffer, start: number, to: number): number {
  for (let at = start; at < to; at++) if (KINDS[bytes[at]] !== 0) return at;
  return INCOMPLETE;
}
