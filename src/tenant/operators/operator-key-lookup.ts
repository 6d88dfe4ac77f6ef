import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperatorKeyRecord, OperatorRole } from '../../catalog/model/operator.js';
import { GuardedLookup } from './guarded-lookup.js';

/** An operator with the secret of one of its keys or sessions. */
export interface OperatorSecretRow {
interface Row {
  readonly keyId: string;
  readonly id: string;
  readonly name: string;
  readonly role: OperatorRole;
  readonly tenantIds: string[] | null;
  readonly groups: string[] | null;
  readonly secretHash: string;
  readonly isRevoked: boolean;
  readonly isExpired: boolean;
}

const FIND = `
  SELECT k.id AS "keyId", o.id, o.name, o.role, o.tenant_ids AS "tenantIds", o.groups, k.secret_hash AS "secretHash",
         k.revoked_at IS NOT NULL OR o.revoked_at IS NOT NULL AS "isRevoked",
         coalesce(k.expires_at <= now(), false) AS "isExpired"
  FROM operator_keys k JOIN operators o ON o.id = k.operator_id WHERE k.id = ANY ($1)`;

/** Reads operators' keys at each request, so that a revoked one is refused at once: operators' requests are few. Wrong keys may be many. */
@Injectable()
export class OperatorKeyLookup {
  private readonly keys = new GuardedLookup((keyIds) => this.read(keyIds));

  /** @returns null when there is no such key */
  async find(keyId: string): Promise<OperatorKeyRecord | null> {
    const [row] = await this.catalog.query<OperatorSecretRow[]>(FIND, [keyId]);
    return row ? toRecord(row) : null;
  constructor(@Inject(CATALOG) private readonly catalog: Pick<DataSource, 'query'>) {}

  /** @returns null when there is no such key. @throws CatalogBusyError, the query's error */
  find(keyId: string): Promise<OperatorKeyRecord | null> {
    return this.keys.find(keyId);
  }

  private async read(keyIds: string[]): Promise<Map<string, OperatorKeyRecord>> {
    const rows = await this.catalog.query<Row[]>(FIND, [keyIds]);
    return new Map(rows.map((row) => [row.keyId, toRecord(row)]));
  }
}

export function toRecord({ id, name, role, tenantIds, groups, ...secret }: OperatorSecretRow): OperatorKeyRecord {
  const limitedTo = tenantIds && groups ? { tenantIds, groups } : undefined;
  return { ...secret, operator: Object.freeze({ id, name, role, limitedTo }) };
}

function toRecord({ id, name, role, tenantIds, groups, secretHash, isRevoked, isExpired }: Row): OperatorKeyRecord {
  const limitedTo = tenantIds && groups ? { tenantIds, groups } : undefined;
  return { secretHash, isRevoked, isExpired, operator: Object.freeze({ id, name, role, limitedTo }) };
}
