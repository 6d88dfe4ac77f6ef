import { getSystemErrorMap } from 'node:util';

/** The `code` of a failed system call, such as `EACCES`; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  return systemError(error)?.[0];
}

/** Describes a system error: `permission denied (EACCES)`. Never the error's own message, which may contain secrets. */
export function systemReason(error: unknown): string {
  const [code, reason] = systemError(error) ?? [];
  return code === undefined ? 'unknown reason' : `${reason} (${code})`;
}

function systemError(error: unknown): [code: string, reason: string] | undefined {
  // Checked by shape: under Jest, Node's own errors are not instances of the sandbox's `Error`.
  const errno: unknown = typeof error === 'object' && error !== null && 'errno' in error ? error.errno : undefined;
  return typeof errno === 'number' ? getSystemErrorMap().get(errno) : undefined;
}
