import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

/** No process reads the pipe, or there is none. */
const ENDED = new Set(['ENXIO', 'ENOENT']);

/**
 * A named pipe that many processes hold open. The kernel closes it when the last of them has ended, however it ended,
 * and the reader then stops what it watches over.
 */
export class Lifeline {
  private constructor(
    private readonly writeEnd: number,
    /** Inherited by the reader; undefined in a process that has joined. */
    readonly readEnd: number | undefined,
    /** How long the reader goes on without any holder, for the next one. */
    readonly lingerSeconds: number,
  ) {}

  static async create(path: string, lingerSeconds: number): Promise<Lifeline> {
    await promisify(execFile)('mkfifo', ['-m', '600', path]);
    // Opened for both, because each end alone would wait for the other.
    const both = openSync(path, constants.O_RDWR);
    try {
      return new Lifeline(openSync(path, constants.O_WRONLY), openSync(path, constants.O_RDONLY), lingerSeconds);
    } finally {
      closeSync(both);
    }
  }

  /** @returns undefined when its reader has ended */
  static join(path: string): Lifeline | undefined {
    try {
      return new Lifeline(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK), undefined, 0);
    } catch (error) {
      if (ENDED.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  }

  /** Once the reader has been started. */
  closeReadEnd(): void {
    if (this.readEnd !== undefined) closeSync(this.readEnd);
  }

  send(line: string): void {
    writeSync(this.writeEnd, `${line}\n`);
  }

  release(): void {
    closeSync(this.writeEnd);
  }
}
