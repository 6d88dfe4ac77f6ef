import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { TenantEntity } from './tenant.entity.js';

@Entity('api_keys')
export class ApiKeyEntity {
  /** The key's public part. */
  @PrimaryColumn('text')
  id: string;

  @Column('uuid', { name: 'tenant_id' })
  tenantId: string;

  @ManyToOne(() => TenantEntity)
  @JoinColumn({ name: 'tenant_id' })
  tenant: Relation<TenantEntity>;

  @Column('text', { name: 'secret_hash' })
  secretHash: string;

  @Column('text', { nullable: true })
  name: string | null;

  /** The operator who works as the tenant with it; null for the tenant's own keys. */
  @Column('text', { name: 'impersonated_by', nullable: true })
  impersonatedBy: string | null;

  /** That operator's id; null for the admin key and the command line, too. */
  @Column('uuid', { name: 'operator_id', nullable: true })
  operatorId: string | null;

  /** Why the operator does. */
  @Column('text', { nullable: true })
  reason: string | null;

  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false })
  createdAt: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;
}
