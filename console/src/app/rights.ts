import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { CurrentOperator, Operation } from '../api/types.js';

export const Me = createContext<CurrentOperator | undefined>(undefined);

/** What the signed-in operator is offered. The API decides: this only leaves out what it would refuse. */
export interface Rights {
  /** Changes single tenants. */
  readonly operate: boolean;
  /** What concerns the whole installation: servers, instances, backups, fleet migrations. */
  readonly seeInstallation: boolean;
  readonly operateInstallation: boolean;
  /** Servers, operators, credentials. */
  readonly administer: boolean;
}

/** Kinds of operations that admins alone start, and change. */
const KINDS_OF_ADMINS: ReadonlySet<string> = new Set([
  'rotate-credentials',
  'rotate-stamp-key',
  'enforce-stamps',
  'reseal',
]);

/** Whether an operation may be cancelled and retried. */
export function mayChange(rights: Rights, { kind }: Pick<Operation, 'kind'>): boolean {
  return KINDS_OF_ADMINS.has(kind) ? rights.administer : rights.operate;
}

export function useRights(): Rights {
  const { role, limitedTo } = useContext(Me)!;
  const operate = role !== 'viewer';
  return {
    operate,
    seeInstallation: limitedTo === null,
    operateInstallation: operate && limitedTo === null,
    administer: role === 'admin',
  };
}
