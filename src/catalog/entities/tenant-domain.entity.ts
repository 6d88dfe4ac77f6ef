import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { TenantEntity } from './tenant.entity.js';

/** A host name of its own that a tenant is served under. */
@Entity('tenant_domains')
export class TenantDomainEntity {
  /** Lower case, without port. */
  @PrimaryColumn('text')
  domain: string;

  @Column('uuid', { name: 'tenant_id' })
  tenantId: string;

  @ManyToOne(() => TenantEntity)
  @JoinColumn({ name: 'tenant_id' })
  tenant: Relation<TenantEntity>;
}
