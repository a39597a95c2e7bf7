/** How deep JSON and EDN may nest: what reads it whole goes down as deep as it does, on a stack that ends. */

export const DEPTH_MAX = 500;

export const TOO_DEEP = `This is nested deeper than ${DEPTH_MAX} levels.`;

/** Where JSON text first nests deeper than that; -1: nowhere. */
export function placeTooDeep(text: string): number {
  if (text.length <= DEPTH_MAX) return -1;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '[':
      case '{':
        if (++depth > DEPTH_MAX) return at;
        break;
      case ']':
      case '}':
        depth--;
        break;
      case '"':
        at = endOfString(text, at);
        break;
    }
  }
  return -1;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return text.length;
}
