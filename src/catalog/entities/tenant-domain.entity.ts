import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { TenantEntity } from './tenant.entity.js';

/** A tenant's custom domain. */
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
