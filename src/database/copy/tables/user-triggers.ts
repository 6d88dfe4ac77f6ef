import pg from 'pg';
import type { CopyPlace } from '../copy-place.js';
import { CopyPlacesError } from '../copy.errors.js';
import { TRIGGER_PREFIX } from '../../gates/write-triggers.js';
import { copiedTables } from './copied-tables.js';
import { transaction } from '../transaction.js';

/** As in `pg_trigger.tgenabled`: fires normally, never, on replicas only, always. */
type TriggerState = 'O' | 'D' | 'R' | 'A';

export interface UserTrigger {
  /** Quoted, with its schema. */
  readonly relation: string;
  /** Bare name of the relation. */
  readonly table: string;
  readonly name: string;
  readonly state: TriggerState;
}

const ACTIONS: Readonly<Record<TriggerState, string>> = {
  O: 'ENABLE',
  D: 'DISABLE',
  R: 'ENABLE REPLICA',
  A: 'ENABLE ALWAYS',
};

// Of tgtype, 4, 8 and 16 are INSERT, DELETE and UPDATE. A partition's trigger that comes from the partitioned table follows it.
const USER_TRIGGERS = `
  SELECT format('%I.%I', n.nspname, c.relname) AS relation, c.relname AS "table", t.tgname AS name, t.tgenabled AS state
  FROM pg_class root
  CROSS JOIN LATERAL (SELECT root.oid AS relation UNION SELECT relid FROM pg_partition_tree(root.oid)) member
  JOIN pg_class c ON c.oid = member.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_trigger t ON t.tgrelid = c.oid
  WHERE root.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND root.relname = ANY ($2)
    AND NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgtype & 28 <> 0 AND NOT starts_with(t.tgname, $3)
  ORDER BY 1, 3`;

/** Triggers of the application on tables that are copied, whatever their state. */
export async function userTriggers({ client, schema }: CopyPlace): Promise<UserTrigger[]> {
  const tables = (await copiedTables(client, schema)).flat().map(({ name }) => name);
  const { rows } = await client.query<UserTrigger>(USER_TRIGGERS, [schema, tables, TRIGGER_PREFIX]);
  return rows;
}

/**
 * Disables the application's triggers where the tenant is alone in its tables: they have fired at the source already.
 *
 * @throws CopyPlacesError where other tenants are in the tables
 */
export async function disableTriggers(place: CopyPlace): Promise<void> {
  if (!place.isAlone) throw new CopyPlacesError('the triggers of tables that tenants share cannot be disabled');
  const triggers = await userTriggers(place);
  await setStates(
    place,
    triggers.map((trigger) => ({ ...trigger, state: 'D' })),
  );
}

/** Runs `work` without the application's triggers. After an error they stay disabled: the tables are to be made again. */
export async function withoutTriggers<T>(place: CopyPlace, work: () => Promise<T>): Promise<T> {
  const before = await userTriggers(place);
  await disableTriggers(place);
  const result = await work();
  await setStates(place, before);
  return result;
}

/**
 * Brings the triggers of a place into the states that they have at the other one, which is where the tenant is. This needs
 * no record of what `disableTriggers` found.
 */
export async function enableTriggers(place: CopyPlace, other: CopyPlace): Promise<void> {
  const idOf = ({ table, name }: UserTrigger): string => JSON.stringify([table, name]);
  const states = new Map((await userTriggers(other)).map((trigger) => [idOf(trigger), trigger.state]));
  const triggers = await userTriggers(place);
  await setStates(
    place,
    triggers.map((trigger) => ({ ...trigger, state: states.get(idOf(trigger)) ?? 'O' })),
  );
}

async function setStates(place: CopyPlace, triggers: readonly UserTrigger[]): Promise<void> {
  const { client } = place;
  await transaction(client, 'BEGIN', async () => {
    for (const { relation, name, state } of triggers) {
      await client.query(`ALTER TABLE ${relation} ${ACTIONS[state]} TRIGGER ${pg.escapeIdentifier(name)}`);
    }
  });
}
