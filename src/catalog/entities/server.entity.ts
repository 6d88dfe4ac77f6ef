import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One PostgreSQL server. The one named `default` is where the catalog is; its address comes from `DATABASE_URL`. */
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

  @Column('text')
  tls: 'disable' | 'require' | 'verify-full';

  /** The role that creates databases, roles and tables there. */
  @Column('text', { name: 'owner_role', nullable: true })
  ownerRole: string | null;

  @Column('text', { name: 'owner_password_sealed', nullable: true })
  ownerPasswordSealed: string | null;

  /** One process's limit of connections to it; null for the default from the environment. */
  @Column('integer', { name: 'max_connections', nullable: true })
  maxConnections: number | null;

  /** True: no further tenant is put on it. */
  @Column('boolean', { default: false })
  draining: boolean;
}
