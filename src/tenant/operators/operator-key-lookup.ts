import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperatorKeyRecord, OperatorRole } from '../../catalog/model/operator.js';
import { GuardedLookup } from './guarded-lookup.js';

/** An operator with the secret of one of its keys or sessions. */
export interface OperatorSecretRow {
  /** Of the key or session. */
  readonly secretId: string;
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
  SELECT k.id AS "secretId", o.id, o.name, o.role, o.tenant_ids AS "tenantIds", o.groups, k.secret_hash AS "secretHash",
         k.revoked_at IS NOT NULL OR o.revoked_at IS NOT NULL AS "isRevoked",
         coalesce(k.expires_at <= now(), false) AS "isExpired"
  FROM operator_keys k JOIN operators o ON o.id = k.operator_id WHERE k.id = ANY ($1)`;

/** Reads operators' keys at each request, so that a revoked one is refused at once: operators' requests are few. Wrong keys may be many. */
@Injectable()
export class OperatorKeyLookup {
  private readonly keys = new GuardedLookup(async (keyIds) =>
    recordsOf(await this.catalog.query<OperatorSecretRow[]>(FIND, [keyIds])),
  );

  constructor(@Inject(CATALOG) private readonly catalog: Pick<DataSource, 'query'>) {}

  /** @returns null when there is no such key. @throws CatalogBusyError, the query's error */
  find(keyId: string): Promise<OperatorKeyRecord | null> {
    return this.keys.find(keyId);
  }
}

/** By the id of the key or session. */
export function recordsOf(rows: readonly OperatorSecretRow[]): Map<string, OperatorKeyRecord> {
  return new Map(rows.map((row) => [row.secretId, toRecord(row)]));
}

function toRecord({ id, name, role, tenantIds, groups, ...secret }: OperatorSecretRow): OperatorKeyRecord {
  const { secretHash, isRevoked, isExpired } = secret;
  const limitedTo = tenantIds && groups ? { tenantIds, groups } : undefined;
  return { secretHash, isRevoked, isExpired, operator: Object.freeze({ id, name, role, limitedTo }) };
}
