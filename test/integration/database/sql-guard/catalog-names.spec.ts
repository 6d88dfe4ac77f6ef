import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  refusedFunctionRemedy,
  isAdmittedRelation,
  isRefusedRelation,
} from '../../../../src/database/sql-guard/catalog-names.js';
import { classifyStatement, type StatementContext } from '../../../../src/database/sql-guard/classify-statement.js';
import { hasDebianPostgres, queryDebianPostgres } from '../../../support/postgres/debian-postgres.js';
import { asSuperuser } from '../../../support/postgres/postgres.js';
import { ADMITTED_FUNCTIONS } from '../../../support/statements/admitted-functions.js';

const ALONE: StatementContext = { scope: 'statement', mayExplain: false };

/** What the catalogs themselves record as the implementation of something else: an operator, a cast, a type, an index. */
const SUPPORT = `
  SELECT unnest(ARRAY[oprcode::oid, oprrest, oprjoin]) FROM pg_operator
  UNION SELECT castfunc FROM pg_cast
  UNION SELECT unnest(ARRAY[typinput::oid, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze,
                            typsubscript]) FROM pg_type
  UNION SELECT amproc FROM pg_amproc UNION SELECT amhandler FROM pg_am UNION SELECT conproc FROM pg_conversion
  UNION SELECT unnest(ARRAY[lanplcallfoid, laninline, lanvalidator]) FROM pg_language
  UNION SELECT unnest(ARRAY[rngcanonical::oid, rngsubdiff]) FROM pg_range
  UNION SELECT unnest(ARRAY[aggtransfn::oid, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn,
                            aggminvtransfn, aggmfinalfn]) FROM pg_aggregate
  UNION SELECT prosupport FROM pg_proc`;

/** Nobody can call a function with such an argument or result from SQL. */
const UNCALLABLE = `
  SELECT oid FROM pg_type WHERE typname IN ('internal', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler',
    'index_am_handler', 'table_am_handler', 'tsm_handler', 'cstring')`;

const CALLABLE = `
  SELECT DISTINCT proname AS name FROM pg_proc
  WHERE pronamespace = 'pg_catalog'::regnamespace AND oid NOT IN (SELECT o FROM (${SUPPORT}) AS support(o) WHERE o > 0)
    AND prorettype NOT IN (${UNCALLABLE})
    AND NOT proargtypes::oid[] && ARRAY(${UNCALLABLE})`;

/** `('a').f` calls them, and so does \`alias.f\`. */
const WITH_ONE_ARGUMENT = `${CALLABLE} AND pronargs - pronargdefaults <= 1 AND pronargs >= 1`;

const RELATIONS = `
  SELECT relname AS name FROM pg_class
  WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v', 'm', 'f', 'p', 'S')`;

const INFORMATION_SCHEMA = `SELECT relname AS name FROM pg_class WHERE relnamespace = 'information_schema'::regnamespace`;

type Read = (query: string) => Promise<string[]>;

const fromEmbedded: Read = async (query) =>
  (await asSuperuser<{ name: string }>('postgres', query)).map(({ name }) => name);

const fromDebian: Read = (query) => queryDebianPostgres(15, query.replaceAll('\n', ' '));

function isRefused(text: string): boolean {
  try {
    classifyStatement(text, ALONE);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'SESSION_STATEMENT_REFUSED' });
    return true;
  }
}

function readsCatalogsOf(read: Read): void {
  let callable: readonly string[];
  let withOneArgument: readonly string[];
  let relations: readonly string[];

  beforeAll(async () => {
    [callable, withOneArgument, relations] = await Promise.all([
      read(CALLABLE),
      read(WITH_ONE_ARGUMENT),
      read(RELATIONS),
    ]);
    expect(callable.length).toBeGreaterThan(700);
    expect(withOneArgument.length).toBeGreaterThan(200);
    expect(relations.length).toBeGreaterThan(120);
  });

  it('has decided upon each function that SQL can call: admitted or refused', () => {
    const unprefixed = callable.filter((name) => !name.startsWith('pg_')); // of the others only admitted ones are listed
    expect(unprefixed.filter((name) => isRefused(`SELECT ${name}()`) === ADMITTED_FUNCTIONS.has(name))).toEqual([]);
  });

  it('refuses the refused ones in every spelling, and admits the others', () => {
    const wrong = callable.flatMap((name) => {
      const refused = name === 'current_setting' || refusedFunctionRemedy(name) !== undefined;
      const calls = [
        `SELECT ${name}($1)`,
        `select pg_catalog.${name.toUpperCase()} ($1)`,
        `SELECT "${name}"/* */($1)`,
        `SELECT 1 FROM "pg_catalog" . "${name}" ($1)`,
      ];
      return calls.filter((text) => isRefused(text) !== refused);
    });
    expect(wrong).toEqual([]);
  });

  it('refuses the refused ones of one argument as an attribute of a value', () => {
    const refused = withOneArgument.filter((name) => isRefused(`SELECT ${name}($1)`));
    expect(refused.length).toBeGreaterThan(50);
    const passed = refused.flatMap((name) =>
      [
        `SELECT ('a').${name} FROM notes`,
        `SELECT notes."${name}" FROM notes`,
        `SELECT (a) . ${name} FROM notes`,
      ].filter((text) => !isRefused(text)),
    );
    expect(passed).toEqual([]);
  });

  it('has decided upon each relation: admitted or refused', () => {
    expect(relations.filter((name) => isRefusedRelation(name) === isAdmittedRelation(name))).toEqual([]);
    const wrong = relations.flatMap((name) => {
      const reads = [`SELECT * FROM ${name}`, `TABLE pg_catalog."${name}"`, `SELECT 1 FROM notes, ONLY ${name} AS x`];
      return reads.filter((text) => isRefused(text) === isAdmittedRelation(name));
    });
    expect(wrong).toEqual([]);
  });

  it('refuses every relation of information_schema', async () => {
    const names = await read(INFORMATION_SCHEMA);
    expect(names.length).toBeGreaterThan(60);
    expect(names.filter((name) => !isRefused(`SELECT * FROM information_schema.${name}`))).toEqual([]);
  });
}

describe("the reading of statements, compared with the catalogs of the run's server,", () => {
  readsCatalogsOf(fromEmbedded);
});

// Not `describeIf`: in CI the run's server is of each supported version in turn.
(hasDebianPostgres(15) ? describe : describe.skip)(
  "the reading of statements, compared with the catalogs of Debian's PostgreSQL 15,",
  () => readsCatalogsOf(fromDebian),
);
