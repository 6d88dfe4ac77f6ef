import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when the target cannot be connected to: it is down, unreachable, or refuses the login. */
export class TargetUnavailableError extends CodedError {
  readonly code = 'TENANT_UNAVAILABLE';

  constructor(
    readonly targetName: string,
    cause: unknown,
  ) {
    super(`${targetName} cannot be reached: ${reasonOf(cause)}`, { cause, retryAfterSeconds: 5 });
  }

  override get publicMessage(): string {
    return "this tenant's database cannot be reached";
  }
}

/** Raised when a target's login role could see past row-level security. */
export class UnsafeRoleError extends CodedError {
  readonly code = 'UNSAFE_ROLE';

  constructor(
    readonly targetName: string,
    readonly reason: string,
  ) {
    super(`refusing to serve from ${targetName}: its login role ${reason}`);
  }
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message || cause.name : 'unknown';
}
