import { getSystemErrorMap } from 'node:util';

/** The `code` of a failed system call, such as `EACCES`; `undefined` for every other error. */
export function systemCode(error: unknown): string | undefined {
  return systemError(error)?.[0];
}

/** `permission denied (EACCES)`. Never the error's own message, which may quote more than a reader should see. */
export function systemReason(error: unknown): string {
  const [code, reason] = systemError(error) ?? [];
  return code === undefined ? 'unknown reason' : `${reason} (${code})`;
}

function systemError(error: unknown): [code: string, reason: string] | undefined {
  // By its shape: under Jest, Node's own errors are no instances of the sandbox's `Error`.
  const errno: unknown = typeof error === 'object' && error !== null && 'errno' in error ? error.errno : undefined;
  return typeof errno === 'number' ? getSystemErrorMap().get(errno) : undefined;
}
