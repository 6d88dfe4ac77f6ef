/** The originator of a change. */
export interface Actor {
  /** For the audit log: `admin key`, `command line (user@host)`, `tenantry`. */
  readonly name: string;
}

/** A caller with the admin key, over HTTP. */
export const ADMIN_KEY_ACTOR: Actor = { name: 'admin key' };

/** The application itself. */
export const TENANTRY_ACTOR: Actor = { name: 'tenantry' };
