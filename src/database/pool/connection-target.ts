/** One PostgreSQL server as a client sees it. */
export interface ServerAddress {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly tls: 'disable' | 'require' | 'verify-full';
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
  readonly server: ServerAddress;
  readonly database: string;
  readonly role: string;
  readonly password: string;
}
