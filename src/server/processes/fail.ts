import { CodedError } from '../../platform/errors/coded-error.js';

/** Prints an expected error as one line, and an unexpected one with its stack. Ends the process. */
export function fail(error: unknown): never {
  if (error instanceof CodedError) process.stderr.write(`tenantry: ${error.message}\n`);
  else process.stderr.write(`tenantry: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
