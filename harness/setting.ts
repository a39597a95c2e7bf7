import { BadInput } from './errors.ts';

/** One `--set key=value`, as a system or an environment declares it. */
export interface Setting {
  readonly name: string;
  readonly about: string;
  /** The values it can take, where they have names. */
  readonly values?: readonly { readonly name: string; readonly about: string }[];
  /** It says where a run is, not what it is: no part of its history's header. */
  readonly local?: true;
  /** Throws BadInput with one clear sentence when the value will not do. */
  check(value: string): void;
}

const part = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const host =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?/)?';
/** As engines take them: https://pkg.go.dev/github.com/distribution/reference. */
const IMAGE = new RegExp(
  `^(?:${host}${part}(?:/${part})*)(?::[\\w][\\w.-]{0,127})?(?:@[a-z][a-z0-9]*:[0-9a-f]{32,})?$`,
);

/** Throws BadInput where no engine would take that for the name of an image. */
export function checkImageName(setting: string, value: string): void {
  if (IMAGE.test(value) && value.length <= 255) return;
  const why = /[A-Z]/.test(value.replace(/[:@][^/]*$/, '')) && IMAGE.test(value.toLowerCase()) ? ', in lower case' : '';
  throw new BadInput(`--set ${setting}=${value}: the name of an image is needed${why}.`);
}
