import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The key of a tenant's backups, in the form of age. It is deleted with the tenant, whose backups nothing opens then. */
@Entity('archive_keys')
export class ArchiveKeyEntity {
  @PrimaryColumn('uuid', { name: 'tenant_id' })
  tenantId: string;

  /** Public: `age1…`. */
  @Column('text')
  recipient: string;

  /** Secret, and encrypted. */
  @Column('text', { name: 'identity_sealed' })
  identitySealed: string;
}

/** The encryption context of a tenant's identity. */
export function identityContext(tenantId: string): string {
  return `archive_keys:${tenantId}:identity_sealed`;
}
