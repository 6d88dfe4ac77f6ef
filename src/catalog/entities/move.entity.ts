import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';
import type { Isolation } from '../model/tenant.js';

/** `moving` until the tenant is served at the new place, `moved` until the move is finished or taken back. */
export type MoveState = 'moving' | 'moved' | 'undoing' | 'finishing';

/** The move of a tenant that is not finished: another isolation or server, or a backup that is restored over it. */
@Entity('moves')
export class MoveEntity {
  @PrimaryColumn('uuid', { name: 'tenant_id' })
  tenantId: string;

  @Column('uuid', { name: 'operation_id' })
  operationId: string;

  @Column('text')
  state: MoveState;

  @Column('text', { name: 'from_isolation' })
  fromIsolation: Isolation;

  @Column('uuid', { name: 'from_target_id' })
  fromTargetId: string;

  @Column('text', { name: 'from_schema' })
  fromSchema: string;

  @Column('text', { name: 'to_isolation' })
  toIsolation: Isolation;

  @Column('uuid', { name: 'to_target_id' })
  toTargetId: string;

  @Column('text', { name: 'to_schema' })
  toSchema: string;

  /** The backup whose rows the new place has; null where it has the tenant's own. It may have expired since. */
  @Column('uuid', { name: 'backup_id', nullable: true })
  backupId: string | null;

  /** Of the worker that may switch the tenant: an id that it has made; null before the first one has come that far. */
  @Column('uuid', { nullable: true })
  switching: string | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'moved_at', nullable: true })
  movedAt: Date | null;
}
