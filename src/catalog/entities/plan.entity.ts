import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';
import type { TenantLimits } from '../model/tenant-limits.js';
import type { StoredFeatures, StoredSettings } from '../model/stored-settings.js';

/** What tenants have in common that pay for the same. */
@Entity('tenant_plans')
export class PlanEntity {
  @PrimaryColumn('text')
  name: string;

  @Column('text', { nullable: true })
  description: string | null;

  @Column('jsonb', { default: {} })
  settings: StoredSettings;

  @Column('jsonb', { default: {} })
  features: StoredFeatures;

  @Column('jsonb', { default: {} })
  limits: TenantLimits;

  @Column('integer', { default: 1 })
  version: number;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  @Column({ type: 'timestamptz', name: 'updated_at', insert: false, update: false })
  updatedAt: Date;
}
