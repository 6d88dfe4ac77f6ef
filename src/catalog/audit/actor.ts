/** The originator of a change. */
export interface Actor {
  /** For the audit log: `admin key`, `command line (user@host)`, `tenantry`. */
  readonly name: string;
  /** The address of an HTTP client. */
  readonly address?: string;
  /** The `X-Request-Id` of the response, as in the log. */
  readonly requestId?: string;
}

/** The name of a caller with the admin key, over HTTP. */
export const ADMIN_KEY_ACTOR_NAME = 'admin key';

/** The application itself. */
export const TENANTRY_ACTOR: Actor = { name: 'tenantry' };
