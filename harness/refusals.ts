/** What the file system says to those who want to read, by its codes, in a sentence. */
export const refusals: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file.',
  EISDIR: 'This is a directory, not a file.',
  EACCES: 'This file may not be read.',
  EPERM: 'This file may not be read.',
  ENOTDIR: 'There is no such file: a part of its path is no directory.',
  ELOOP: 'There is no such file: its links go round in a circle.',
  ENAMETOOLONG: 'There is no such file: its name is too long.',
};
