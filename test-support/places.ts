/** Where values are in what a file holds, and what comes of it when one of them is none that could be there. */
type Holder = Record<string, unknown>;

/** Paths to all values that have a type of their own. */
export function* placesIn(value: unknown, path = ''): Generator<string> {
  if (path !== '' && value !== null) yield path;
  if (/^plan$|\.(value|held)$/.test(path) || typeof value !== 'object' || value === null) return;
  for (const [name, one] of Object.entries(value)) {
    if (/\.(value|held)$/.test(`.${name}`)) continue;
    if (Array.isArray(value)) yield* path.endsWith('.entries') ? [] : placesIn(one, `${path}[${name}]`);
    else yield* placesIn(one, path === '' ? name : `${path}.${name}`);
  }
}

/** A copy in which the value at this path has another type. */
export function spoiled(value: unknown, path: string): unknown {
  const copy = structuredClone(value);
  const [last = '', ...before] = path
    .split(/[.[\]]+/)
    .filter((name) => name !== '')
    .reverse();
  const holder = before.reverse().reduce((at, name) => at[name] as Holder, copy as Holder);
  const there = holder[last];
  holder[last] = Array.isArray(there) ? {} : typeof there === 'object' ? [] : null;
  return copy;
}
