/** Who asks for a change. */
export interface Actor {
  /** For the audit log: `admin key`, `command line (user@host)`, `tenantry`. */
  readonly name: string;
}

/** Whoever holds the admin key, over HTTP. */
export const ADMIN_KEY_ACTOR: Actor = { name: 'admin key' };

/** What the application does of its own accord. */
export const TENANTRY_ACTOR: Actor = { name: 'tenantry' };
