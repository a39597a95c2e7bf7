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
