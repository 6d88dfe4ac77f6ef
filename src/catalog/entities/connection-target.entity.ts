import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { ServerEntity } from './server.entity.js';

/** Server, database and login role: the destination of one connection pool. */
@Entity('connection_targets')
export class ConnectionTargetEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { name: 'server_id' })
  serverId: string;

  @ManyToOne(() => ServerEntity)
  @JoinColumn({ name: 'server_id' })
  server: Relation<ServerEntity>;

  /** A server has one `shared` target for its row and schema tenants, and a `dedicated` one per database tenant. */
  @Column('text')
  kind: 'shared' | 'dedicated';

  @Column('text')
  database: string;

  @Column('text')
  role: string;

  @Column('text', { name: 'password_sealed' })
  passwordSealed: string;

  /** With which stamps for the database are signed; null until the database has the key. */
  @Column('text', { name: 'stamp_key_sealed', nullable: true })
  stampKeySealed: string | null;

  /** Whether the database refuses stamps without a proof. */
  @Column('boolean', { name: 'stamps_enforced', default: false })
  stampsEnforced: boolean;

  /** Whether an operator made the database and the login role, which Tenantry then never changes. */
  @Column('boolean', { default: false })
  provided: boolean;

  /** Whether the database was there before, with the tables of an existing application; it is changed by adoption only. */
  @Column('boolean', { default: false })
  adopted: boolean;

  /** The schema of row tenants whose tables were adopted; null for the usual one. */
  @Column('text', { name: 'row_schema', nullable: true })
  rowSchema: string | null;

  /** Incremented by a trigger at every change of the target or its server. */
  @Column('integer')
  version: number;
}

/** The encryption context of a target's password. */
export function targetPasswordContext(targetId: string): string {
  return `connection_targets:${targetId}:password_sealed`;
}

/** The encryption context of a target's stamp key. */
export function stampKeyContext(targetId: string): string {
  return `connection_targets:${targetId}:stamp_key_sealed`;
}
