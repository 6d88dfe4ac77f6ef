import type { HostAndPort } from '../../platform/postgres/database-url.js';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Labels } from '../model/labels.js';

const asNumber = {
  to: (value: number | null) => value,
  from: (value: string | null) => (value === null ? null : Number(value)),
};

/** One PostgreSQL server. The one named `default` is the catalog's own; its address comes from `DATABASE_URL`. */
@Entity('servers')
export class ServerEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  /** Null, with `port` and the owner, for the default server. */
  @Column('text', { nullable: true })
  host: string | null;

  @Column('integer', { nullable: true })
  port: number | null;

  /** Of its standbys, each of which may become the primary. Empty for the default server. */
  @Column('jsonb', { name: 'further_addresses', default: [] })
  furtherAddresses: readonly HostAndPort[];

  @Column('text')
  tls: 'disable' | 'require' | 'verify-full';

  /** The role that creates databases, roles and tables on the server. */
  @Column('text', { name: 'owner_role', nullable: true })
  ownerRole: string | null;

  @Column('text', { name: 'owner_password_sealed', nullable: true })
  ownerPasswordSealed: string | null;

  /** Maximum connections of all instances together; null: what the server allows, less a tenth. */
  @Column('integer', { name: 'max_connections', nullable: true })
  maxConnections: number | null;

  /** Its read replicas. Those of the default server come from `DATABASE_REPLICAS`. */
  @Column('jsonb', { default: [] })
  replicas: readonly HostAndPort[];

  /** When true, no more tenants are placed on the server. */
  @Column('boolean', { default: false })
  draining: boolean;

  /** What it is, for tenants that ask for it. */
  @Column('jsonb', { default: {} })
  labels: Labels;

  /** Customers' tenants that it has at most; null: no limit. */
  @Column('integer', { name: 'max_tenants', nullable: true })
  maxTenants: number | null;

  /** What its tenants may have stored before it gets no further ones; null: no limit. */
  @Column('bigint', { name: 'max_bytes', nullable: true, transformer: asNumber })
  maxBytes: number | null;
}
