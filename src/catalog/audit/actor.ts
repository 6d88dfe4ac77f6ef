/** The originator of a change. */
export interface Actor {
  /** For the audit log: an operator's name, `admin key`, `command line (user@host)`, `tenantry`. */
  readonly name: string;
  /** Of an operator; the others have a name alone. */
  readonly id?: string;
  /** The address of an HTTP client. */
  readonly address?: string;
  /** The `X-Request-Id` of the response, as in the log. */
  readonly requestId?: string;
}

/** The application itself. */
export const TENANTRY_ACTOR: Actor = { name: 'tenantry' };
