import type { Readable, Writable } from 'node:stream';

interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  /** Characters in a line; of a terminal only. */
  readonly columns?: number;
}

/** What a command line talks through; the process's own, or a test's. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}
