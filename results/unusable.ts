/** A folder that the user has to see to: one sentence, with its path. */
export class UnusableFolder extends Error {
  constructor(path: string, cause: unknown) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    super(`${path} cannot be used: ${reasons[code] ?? message}.`, { cause });
    this.name = 'UnusableFolder';
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOTDIR: 'it, or what it would lie in, is a file and no directory',
  EEXIST: 'it is a file and no directory',
  EACCES: 'it may not be read, or nothing may be written there',
  EPERM: 'it may not be read, or nothing may be written there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOENT: 'there is no such directory, and none can be made',
};
