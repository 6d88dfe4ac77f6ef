import { CodedError } from '../../platform/errors/coded-error.js';
import { ValidationFailedError } from '../../platform/errors/request.errors.js';
import { InterruptedError, UsageError } from './cli.errors.js';
import { printable } from './table.js';
import type { Terminal } from './terminal.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

interface FailureOptions {
  readonly json: boolean;
  /** Adds the stack trace. */
  readonly verbose: boolean;
}

/** Writes the error to stderr. @returns the exit code */
export function reportFailure(error: unknown, { stderr }: Terminal, { json, verbose }: FailureOptions): number {
  const fields = error instanceof ValidationFailedError ? error.fields : undefined;
  const code = error instanceof CodedError ? error.code : 'INTERNAL_ERROR';
  if (json) {
    stderr.write(`${JSON.stringify({ error: { code, message: reasonOf(error), ...(fields && { fields }) } })}\n`);
  } else {
    stderr.write(`tenantry: ${reasonOf(error)}\n`);
    for (const { field, message } of fields ?? []) stderr.write(`  ${field || 'request'}: ${printable(message)}\n`);
    if (verbose && error instanceof Error) stderr.write(`${error.stack ?? ''}\n`);
  }
  return exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof ValidationFailedError || error instanceof UsageError) return EXIT.usage;
  if (error instanceof InterruptedError) return EXIT.interrupted;
  return EXIT.failed;
}
