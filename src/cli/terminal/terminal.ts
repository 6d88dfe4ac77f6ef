import type { Readable, Writable } from 'node:stream';

interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  /** Width in characters; set for terminals only. */
  readonly columns?: number;
}

/** The streams and environment of the command line: the process's own, or a test's. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}
