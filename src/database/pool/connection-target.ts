/** One PostgreSQL server as a client sees it. */
export interface ServerAddress {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly tls: 'disable' | 'require' | 'verify-full';
  /** One process's limit of connections to it, when it has one of its own. */
  readonly maxConnections?: number | undefined;
}

/**
 * Server + database + login role. One physical pool per target; many tenants may share one target.
 *
 * `version` rises whenever anything a connection is made of changes (address, password), so that pools of an older
 * version are drained instead of reused.
 */
export interface ConnectionTarget {
  readonly id: string;
  readonly version: string;
  /** Whether many tenants are served over it, or one. */
  readonly shared: boolean;
  readonly server: ServerAddress;
  readonly database: string;
  readonly role: string;
  readonly password: string;
}
