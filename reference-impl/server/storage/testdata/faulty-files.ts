import { type Files, type OpenFile, realFiles } from '../files.ts';

/** Real files whose operations fail as long as somebody says so. */
export class FaultyFiles implements Files {
  readonly #real = realFiles(true);
  /** Asked before each operation: the code of the error, or undefined. */
  fault: (operation: string, path: string) => string | undefined = () => undefined;
  /** Of a write that fails, so many bytes get through. */
  partly = 0;

  async open(path: string, fresh: boolean): Promise<OpenFile> {
    this.#check('open', path);
    const real = await this.#real.open(path, fresh);
    const write = async (bytes: Uint8Array, at: number): Promise<void> => {
      const error = this.#error('write', path);
      if (error === undefined) return real.write(bytes, at);
      await real.write(bytes.subarray(0, this.partly), at);
      throw error;
    };
    return {
      path,
      write,
      writeDurably: async (bytes, at) => {
        if (this.#error('sync', path) === undefined && this.#error('write', path) === undefined) {
          return real.writeDurably(bytes, at);
        }
        await write(bytes, at);
        this.#check('sync', path);
      },
      allocate: async (bytes) => {
        this.#check('allocate', path);
        await real.allocate(bytes);
      },
      sync: async () => {
        this.#check('sync', path);
        await real.sync();
      },
      syncMade: async () => {
        this.#check('sync', path);
        await real.syncMade();
      },
      truncate: (bytes) => real.truncate(bytes),
      close: () => real.close(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#check('rename', to);
    await this.#real.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.#real.remove(path);
  }

  async syncFolder(folder: string): Promise<void> {
    this.#check('sync', folder);
    await this.#real.syncFolder(folder);
  }

  flush(): Promise<void> {
    return this.#real.flush();
  }

  #error(operation: string, path: string): Error | undefined {
    const code = this.fault(operation, path);
    return code === undefined ? undefined : Object.assign(new Error(`${code}: ${operation}`), { code });
  }

  #check(operation: string, path: string): void {
    const error = this.#error(operation, path);
    if (error !== undefined) throw error;
  }
}
