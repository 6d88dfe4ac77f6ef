import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { OperatorRole } from '../model/operator.js';

@Entity('operators')
export class OperatorEntity {
  @PrimaryColumn('uuid')
  id: string;

  /** Unique among those that are not revoked. */
  @Column('text')
  name: string;

  @Column('text')
  role: OperatorRole;

  /** The tenants that it is limited to; null, as its groups are, when it is not limited. */
  @Column('uuid', { name: 'tenant_ids', array: true, nullable: true })
  tenantIds: string[] | null;

  @Column('text', { array: true, nullable: true })
  groups: string[] | null;

  /** Of the OpenID provider that the operator signs in with; null for one with keys. */
  @Column('text', { nullable: true })
  issuer: string | null;

  /** The operator's id there. */
  @Column('text', { nullable: true })
  subject: string | null;

  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false })
  createdAt: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;
}
