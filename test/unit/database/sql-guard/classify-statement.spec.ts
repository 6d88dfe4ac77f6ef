import { describe, expect, it } from '@jest/globals';
import {
  assertStreamable,
  type ClassifiedStatement,
  classifyStatement,
  type StatementContext,
} from '../../../../src/database/sql-guard/classify-statement.js';

const ALONE: StatementContext = { scope: 'statement', mayExplain: false };
const IN_TRANSACTION: StatementContext = { scope: 'transaction', mayExplain: false };
const IN_SESSION: StatementContext = { scope: 'session', mayExplain: false };
const EVERYWHERE = [ALONE, IN_TRANSACTION, IN_SESSION];

function sent(text: string, context: StatementContext = IN_TRANSACTION): ClassifiedStatement['built'] {
  return classifyStatement(text, context).built;
}

describe('a transaction command', () => {
  it.each([
    ['BEGIN', 'begin'],
    [' /* a */ begin transaction read only ;', 'begin'],
    ['START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE', 'begin'],
    ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'set-transaction'],
    ['COMMIT', 'commit'],
    ['end work;', 'commit'],
    ['COMMIT AND NO CHAIN', 'commit'],
    ['ROLLBACK', 'rollback'],
    ['ABORT TRANSACTION', 'rollback'],
    ['ROLLBACK TO a', 'plain'],
  ])('is classified: %s is %s', (text, kind) => {
    for (const context of EVERYWHERE) expect(classifyStatement(text, context).kind).toBe(kind);
  });

  it.each([
    ...['BEGIN; SELECT 1', 'COMMIT; SELECT 1', 'ROLLBACK;DELETE FROM notes', 'END; BEGIN', 'ABORT; SELECT 1'],
    ...['SAVEPOINT a; SELECT 1', 'RELEASE a; SELECT 1', 'SET TRANSACTION READ ONLY; SELECT 1'],
    'SET CONSTRAINTS ALL DEFERRED; SELECT 1',
  ])('is rejected together with another statement: %s', (text) => {
    expect(() => classifyStatement(text, IN_TRANSACTION)).toThrow(
      expect.objectContaining({ code: 'MULTIPLE_COMMANDS' }),
    );
  });

  it.each([
    `BEGIN "; SET LOCAL app.tenant_id = 'b'; UPDATE notes SET body = 'x'; COMMIT; BEGIN"`,
    'BEGIN nonsense',
    'START TRANSACTION ISOLATION LEVEL "SERIALIZABLE"',
    'BEGIN ISOLATION LEVEL',
    'BEGIN READ ONLY,',
    'COMMIT "; SELECT 1"',
    'COMMIT nonsense',
    'END "work"',
    'ROLLBACK "; SELECT 1"',
    'ROLLBACK TO a b',
    'ROLLBACK TO "a" "; SELECT 1"',
    'ROLLBACK TO',
    'SAVEPOINT',
    'SAVEPOINT a b',
    'RELEASE SAVEPOINT a b',
    `SET TRANSACTION SNAPSHOT '00000003-0000001B-1'`,
    'SET TRANSACTION',
    'SET CONSTRAINTS',
    'SET CONSTRAINTS a b DEFERRED',
    'SET CONSTRAINTS ALL "DEFERRED"',
  ])('is rejected when it contains unknown words: %s', (text) => {
    expect(() => classifyStatement(text, IN_TRANSACTION)).toThrow(
      expect.objectContaining({ code: 'MULTIPLE_COMMANDS' }),
    );
  });

  it.each([
    [
      'BEGIN -- work\n ISOLATION LEVEL REPEATABLE READ, READ ONLY; -- end',
      'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY',
    ],
    ['start transaction read write not deferrable', 'BEGIN READ WRITE, NOT DEFERRABLE'],
    ['begin work', 'BEGIN'],
    [
      'set transaction read only, isolation level serializable',
      'SET TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE',
    ],
    ['end', 'COMMIT'],
    ['abort', 'ROLLBACK'],
    ['savepoint Typeorm_1', 'SAVEPOINT "typeorm_1"'],
    ['SAVEPOINT "a""; DROP"', 'SAVEPOINT "a""; DROP"'],
    ['release typeorm_1', 'RELEASE SAVEPOINT "typeorm_1"'],
    ['RELEASE SAVEPOINT savepoint', 'RELEASE SAVEPOINT "savepoint"'],
    ['ROLLBACK TO "odd name"', 'ROLLBACK TO SAVEPOINT "odd name"'],
    ['ROLLBACK TO SAVEPOINT savepoint', 'ROLLBACK TO SAVEPOINT "savepoint"'],
    ['ABORT WORK TO savepoint', 'ROLLBACK TO SAVEPOINT "savepoint"'],
    ['set constraints all deferred', 'SET CONSTRAINTS ALL DEFERRED'],
    ['SET CONSTRAINTS a, "s".B IMMEDIATE', 'SET CONSTRAINTS "a","s"."b" IMMEDIATE'],
  ])('is built from constants and escaped names before it is sent: %s', (text, command) => {
    expect(sent(text)).toEqual({ text: command, values: [] });
  });

  it.each([
    [`COMMIT PREPARED 'a'`, 'COMMIT PREPARED'],
    [`ROLLBACK PREPARED 'a'`, 'ROLLBACK PREPARED'],
    ['COMMIT AND CHAIN', 'AND CHAIN'],
    ['ROLLBACK WORK AND CHAIN', 'AND CHAIN'],
  ])('that leaves something behind is refused: %s', (text, statement) => {
    for (const context of EVERYWHERE) {
      expect(() => classifyStatement(text, context)).toThrow(
        expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED', statement }),
      );
    }
  });
});

describe('a setting', () => {
  const local = 'SELECT pg_catalog.set_config($1, $2, true)';

  it.each([
    ['SET LOCAL statement_timeout = 100', 'statement_timeout', '100'],
    [`SET LOCAL statement_timeout TO '5 s'`, 'statement_timeout', '5 s'],
    ['SET LOCAL TIME ZONE 0', 'timezone', '0'],
    ['SET LOCAL TIME ZONE -3.5', 'timezone', '-3.5'],
    ['SET LOCAL TimeZone = DEFAULT', 'timezone', null],
    [`SET LOCAL "TimeZone" = 'Asia/Tokyo'`, 'timezone', 'Asia/Tokyo'],
    ['SET LOCAL DateStyle = ISO, DMY', 'datestyle', 'iso, dmy'],
    ['SET LOCAL enable_seqscan = off', 'enable_seqscan', 'off'],
    ['SET LOCAL random_page_cost = 1.1', 'random_page_cost', '1.1'],
    [`SET LOCAL work_mem = '64MB'`, 'work_mem', '64MB'],
    [`SET LOCAL shop.user_id = '42'`, 'shop.user_id', '42'],
    ['SET LOCAL pg_trgm.similarity_threshold = 0.4', 'pg_trgm.similarity_threshold', '0.4'],
    [`SET LOCAL TimeZone = 'x''; SELECT 1'`, 'timezone', `x'; SELECT 1`],
  ])('is changed with bound values: %s', (text, name, value) => {
    expect(sent(text)).toMatchObject({ text: local, values: [name, value] });
    expect(() => sent(text, ALONE)).toThrow(expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED' }));
  });

  it.each([
    ['SET TimeZone = UTC', 'timezone', 'utc'],
    ['SET SESSION lock_timeout = 100', 'lock_timeout', '100'],
    ['RESET lock_timeout', 'lock_timeout', null],
    ['RESET TIME ZONE', 'timezone', null],
    ['RESET shop.user_id', 'shop.user_id', null],
  ])('is changed for the rest of a session only inside one: %s', (text, name, value) => {
    expect(sent(text, IN_SESSION)).toEqual({ text: local.replace('true', 'false'), values: [name, value] });
    for (const context of [ALONE, IN_TRANSACTION]) {
      expect(() => sent(text, context)).toThrow(
        expect.objectContaining({ remedy: expect.stringContaining('TenantConnectionService.session()') }),
      );
    }
  });

  it.each([
    ['SHOW TimeZone', 'timezone', 'TimeZone'],
    ['show time zone', 'timezone', 'TimeZone'],
    ['SHOW transaction_isolation', 'transaction_isolation', 'transaction_isolation'],
    ['SHOW TRANSACTION ISOLATION LEVEL', 'transaction_isolation', 'transaction_isolation'],
    ['SHOW server_version;', 'server_version', 'server_version'],
    ['SHOW shop.user_id', 'shop.user_id', 'shop.user_id'],
  ])('is shown by a query with the same column: %s', (text, name, column) => {
    expect(sent(text, ALONE)).toEqual({
      text: `SELECT pg_catalog.current_setting($1) AS "${column}"`,
      values: [name],
    });
  });

  it.each([
    ...['SET LOCAL statement_timeout = 0', `SET LOCAL statement_timeout = '0s'`, 'SET LOCAL statement_timeout = 0.1'],
    ...[
      `SET LOCAL statement_timeout = '1us'`,
      `SET LOCAL statement_timeout = '-1'`,
      `SET LOCAL statement_timeout = ' 0x0'`,
    ],
    ...['SET LOCAL statement_timeout = DEFAULT', `SET LOCAL work_mem = '2GB'`, 'SET LOCAL row_security = off'],
    ...['SET LOCAL session_replication_role = replica', 'SET LOCAL plpgsql.variable_conflict = use_column'],
    ...[`SET LOCAL TimeZone = E'UTC'`, `SET LOCAL TimeZone = 'a' 'b'`, 'SET LOCAL lock_timeout = 1; SELECT 1'],
    ...['SET LOCAL TimeZone', 'SET LOCAL', 'SET', 'SET LOCAL XML OPTION DOCUMENT', `SET LOCAL tenantry.x = '1'`],
    ...['SHOW ALL', 'SHOW app.tenant_proof', 'SHOW data_directory', 'SHOW TimeZone; SELECT 1', 'SHOW'],
    ...['RESET ALL', 'RESET lock_timeout; SELECT 1', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY'],
    ...['SET SESSION AUTHORIZATION other', `SET transaction.x = '1'; SELECT 1`],
  ])('that is not admitted, or has no constant value, is refused, in a session too: %s', (text) => {
    for (const context of EVERYWHERE) {
      expect(() => classifyStatement(text, context)).toThrow(
        expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED' }),
      );
    }
  });

  it.each([
    `SET LOCAL app.tenant_id = 'x'`,
    `SET LOCAL app.tenant_proof = 'x'`,
    `SET LOCAL "app"."tenant_id" = 'x'`,
    `SET LOCAL "App.Tenant_ID" TO 'x'`,
    `SET LOCAL app /* */ . tenant_id = 'x'`,
    'SET LOCAL search_path = other',
    `SET LOCAL "search_path" = other`,
    `SET LOCAL SCHEMA 'other'`,
    'SET LOCAL ROLE other',
    'SET LOCAL role = other',
    'SET LOCAL SESSION AUTHORIZATION other',
    'SET LOCAL standard_conforming_strings = off',
    `SET LOCAL NAMES 'sjis'`,
    'SET LOCAL client_encoding = sjis',
  ])('of the stamp is protected: %s', (text) => {
    const ofTheSession = text.replace(' LOCAL', '');
    const protects = expect.objectContaining({ code: 'STAMP_PROTECTED' });
    expect(() => classifyStatement(text, IN_TRANSACTION)).toThrow(protects);
    expect(() => classifyStatement(text, IN_SESSION)).toThrow(protects);
    if (ofTheSession !== 'SET SESSION AUTHORIZATION other') {
      expect(() => classifyStatement(ofTheSession, IN_SESSION)).toThrow(protects);
    }
  });

  it.each(['RESET app.tenant_id', 'RESET search_path', 'RESET ROLE'])('of the stamp is not reset: %s', (text) => {
    expect(() => classifyStatement(text, IN_SESSION)).toThrow(expect.objectContaining({ code: 'STAMP_PROTECTED' }));
  });
});

describe('EXPLAIN', () => {
  it.each(['EXPLAIN SELECT 1', 'EXPLAIN (ANALYZE, FORMAT JSON) UPDATE notes SET body = $1', 'explain (SELECT 1)'])(
    'is admitted where its estimates tell of nobody else: %s',
    (text) => {
      for (const context of EVERYWHERE) {
        expect(classifyStatement(text, { ...context, mayExplain: true })).toEqual({ kind: 'plain' });
        expect(() => classifyStatement(text, context)).toThrow(expect.objectContaining({ statement: 'EXPLAIN' }));
      }
    },
  );

  it.each([
    'EXPLAIN ANALYZE EXECUTE a',
    'EXPLAIN (ANALYZE, VERBOSE) EXECUTE a',
    'EXPLAIN ANALYZE CREATE TABLE t AS EXECUTE a',
    'EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1',
    'EXPLAIN ANALYZE SELECT 1 INTO t',
    `EXPLAIN ANALYZE SELECT set_config('a', 'b', false)`,
    'EXPLAIN',
  ])('runs nothing that is refused on its own: %s', (text) => {
    expect(() => classifyStatement(text, { scope: 'session', mayExplain: true })).toThrow(
      expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED' }),
    );
  });
});

describe('a temporary table', () => {
  it.each([
    'CREATE TEMP TABLE t (id int)',
    'create local temporary table t as select 1 as id',
    'CREATE TEMP TABLE IF NOT EXISTS pg_temp.t (id int)',
    'DROP TABLE IF EXISTS t',
  ])('belongs into a session: %s', (text) => {
    expect(classifyStatement(text, IN_SESSION)).toEqual({ kind: 'plain' });
    for (const context of [ALONE, IN_TRANSACTION]) {
      expect(() => classifyStatement(text, context)).toThrow(
        expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED' }),
      );
    }
  });

  it.each([
    'CREATE TEMP TABLE t (a, b) ON COMMIT DROP AS EXECUTE a',
    `CREATE TEMP TABLE t (id text DEFAULT set_config('a', 'b', false))`,
    'CREATE TEMP TABLE t AS TABLE pg_settings',
    'CREATE TEMP VIEW v AS SELECT 1',
    'CREATE TEMP SEQUENCE s',
    'CREATE OR REPLACE TEMP VIEW v AS SELECT 1',
  ])('is all that a session may create: %s', (text) => {
    expect(() => classifyStatement(text, IN_SESSION)).toThrow(
      expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED' }),
    );
  });
});

describe('a cursor or stream', () => {
  it('runs one statement', () => {
    expect(() => assertStreamable('SELECT 1;', IN_TRANSACTION)).not.toThrow();
    expect(() => assertStreamable(`SELECT ';' -- ;`, ALONE)).not.toThrow();
  });

  it.each(['SELECT 1; SELECT 2', 'SELECT 1; SET search_path = x'])('rejects two statements: %s', (text) => {
    expect(() => assertStreamable(text, IN_TRANSACTION)).toThrow(
      expect.objectContaining({ code: 'MULTIPLE_COMMANDS' }),
    );
  });

  it.each(['BEGIN', 'COMMIT', 'ROLLBACK', 'SET search_path = x', 'SHOW TimeZone', 'SET LOCAL TimeZone = UTC'])(
    'rejects a command: %s',
    (text) => {
      expect(() => assertStreamable(text, IN_TRANSACTION)).toThrow(
        expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED' }),
      );
    },
  );
});
