import { Column, CreateDateColumn, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { deepFreeze } from '../../platform/deep-freeze.js';
import type { Labels } from '../model/labels.js';
import { storedLimits } from '../model/limits.js';
import type { TenantLimits } from '../model/tenant-limits.js';
import { storedFeatures, type StoredFeatures, storedSettings, type StoredSettings } from '../model/stored-settings.js';
import type { Isolation, Tenant, TenantStatus } from '../model/tenant.js';
import { ConnectionTargetEntity } from './connection-target.entity.js';

@Entity('tenants')
export class TenantEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  slug: string;

  @Column('text')
  status: TenantStatus;

  @Column('text')
  isolation: Isolation;

  @Column('uuid', { name: 'target_id', nullable: true })
  targetId: string | null;

  @ManyToOne(() => ConnectionTargetEntity, { nullable: true })
  @JoinColumn({ name: 'target_id' })
  target: Relation<ConnectionTargetEntity> | null;

  @Column('text', { name: 'schema_name', nullable: true })
  schema: string | null;

  /** Name of the newest tenant migration applied to its tables. */
  @Column('text', { name: 'schema_version', nullable: true })
  schemaVersion: string | null;

  /** Digest of the set of its migrations; null when it is not known which they are. */
  @Column('text', { name: 'migration_set', nullable: true })
  migrationSet: string | null;

  @Column('jsonb')
  limits: TenantLimits;

  /** By which operators may be limited to some tenants. */
  @Column('text', { array: true, default: [] })
  groups: string[];

  /** Name of its plan; null: none. */
  @Column('text', { nullable: true })
  plan: string | null;

  /** Its own; those of the plan and the defaults are below. */
  @Column('jsonb', { default: {} })
  settings: StoredSettings;

  @Column('jsonb', { default: {} })
  features: StoredFeatures;

  @Column('text', { nullable: true })
  message: string | null;

  /** Whether its rows are being moved, or have been moved and can still be moved back (`moves`). */
  @Column('boolean', { name: 'is_moving', default: false })
  isMoving: boolean;

  @Column('integer')
  version: number;

  /** Server of a tenant that is provisioned ahead and belongs to no customer yet; null for all others. */
  @Column('uuid', { name: 'spare_server_id', nullable: true })
  spareServerId: string | null;

  /** Labels that its server must have; null: it wants none, and is placed where it is asked for. */
  @Column('jsonb', { name: 'placement_labels', nullable: true })
  placementLabels: Labels | null;

  /** The server that it was given at its creation. It counts until the tenant has a place there. */
  @Column('uuid', { name: 'planned_server_id', nullable: true })
  plannedServerId: string | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  /** When the tenant, one of its keys or one of its domains was last changed. */
  @Column({ type: 'timestamptz', name: 'updated_at', insert: false, update: false })
  updatedAt: Date;
}

/** Settings and plan are absent where there are none: instances of former releases share the entries of these tenants. */
export function toTenant(entity: TenantEntity): Tenant {
  const { id, slug, status, isolation, targetId, schema, schemaVersion, migrationSet, isMoving, message, version } =
    entity;
  const [settings, features] = [storedSettings(entity.settings), storedFeatures(entity.features)];
  return Object.freeze({
    id,
    slug,
    status,
    isolation,
    targetId,
    schema,
    schemaVersion,
    migrationSet,
    limits: storedLimits(entity.limits),
    ...(entity.plan != null && { plan: entity.plan }),
    ...(Object.keys(settings).length > 0 && { settings: deepFreeze(settings) }),
    ...(Object.keys(features).length > 0 && { features: deepFreeze(features) }),
    ...(isMoving && { isMoving }),
    message,
    version,
  });
}
