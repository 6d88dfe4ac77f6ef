import type pg from 'pg';
import { SERVER_FACTS, type ServerFacts } from '../../../catalog/server-facts.js';
import type { ForeseenPlace } from '../../provisioning/placements.js';
import { roleState } from '../../provisioning/login-role.js';
import type { MovePreviewView } from './move-preview.schemas.js';

type Creation = MovePreviewView['creates'][number];

/** What a server has of the place that a tenant would get. */
export interface ServerSurvey {
  readonly creates: readonly Creation[];
  readonly obstacles: readonly string[];
  readonly hasDatabase: boolean;
}

const FACTS = `SELECT ${SERVER_FACTS} FROM pg_roles WHERE rolname = current_user`;
const DATABASE = 'SELECT pg_get_userbyid(datdba) = current_user AS ours FROM pg_database WHERE datname = $1';

/** Looks for login role and database. @param client connected to the server as the owner */
export async function surveyServer(client: pg.ClientBase, place: ForeseenPlace): Promise<ServerSurvey> {
  const { rows } = await client.query<ServerFacts>(FACTS);
  const [facts] = rows;
  const found = await client.query<{ ours: boolean }>(DATABASE, [place.database]);
  const [database] = found.rows;
  const role = await roleState(client, { targetId: place.targetId ?? '', role: place.role });
  const makesRole = !place.isProvided && role === 'missing';
  const makesDatabase = !place.isProvided && !database;
  const obstacles: readonly [boolean, string][] = [
    [facts?.is_standby === true, 'the server of the new place is a standby: it is read-only'],
    [facts?.is_read_only === true, 'the server of the new place refuses writes: default_transaction_read_only is on'],
    [!place.isProvided && role === 'foreign', `a role ${place.role} exists, and was not created for this place`],
    [!place.isProvided && database?.ours === false, `a database ${place.database} exists, and belongs to another role`],
    [makesRole && facts?.may_create_roles === false, 'a new login role needs an owner with CREATEROLE on this server'],
    [
      makesDatabase && facts?.may_create_databases === false,
      'a new database needs an owner with CREATEDB on this server',
    ],
  ];
  return {
    creates: [
      ...(makesRole ? [{ what: 'login role', name: place.role } as const] : []),
      ...(makesDatabase ? [{ what: 'database', name: place.database } as const] : []),
    ],
    obstacles: obstacles.flatMap(([applies, text]) => (applies ? [text] : [])),
    hasDatabase: database !== undefined,
  };
}

const SCHEMA = `
  SELECT to_regnamespace(quote_ident($1)) IS NOT NULL AS exists,
         has_database_privilege(current_database(), 'CREATE') AS "mayCreate"`;

/** Looks for the schema. @param client connected to the place's database; undefined when it is not there yet */
export async function surveySchema(
  client: pg.ClientBase | undefined,
  { schema, hasTables }: ForeseenPlace,
): Promise<Pick<ServerSurvey, 'creates' | 'obstacles'>> {
  const [found] = client
    ? (await client.query<{ exists: boolean; mayCreate: boolean }>(SCHEMA, [schema])).rows
    : [{ exists: false, mayCreate: true }];
  const makesSchema = found?.exists !== true;
  return {
    creates: [
      ...(makesSchema ? [{ what: 'schema', name: schema } as const] : []),
      ...(hasTables ? [] : [{ what: 'tables', name: schema } as const]),
    ],
    obstacles:
      makesSchema && found?.mayCreate === false ? ['a new schema needs an owner with CREATE on its database'] : [],
  };
}
