import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A host name of its own that a tenant is served under. */
@Entity('tenant_domains')
export class TenantDomainEntity {
  /** Lower case, without port. */
  @PrimaryColumn('text')
  domain: string;

  @Column('uuid', { name: 'tenant_id' })
  tenantId: string;
}
