import { describe, expect, it } from '@jest/globals';
import {
  assertStreamable,
  beginCommand,
  classifyStatement,
  transactionModes,
} from '../../../../src/database/statements/statement.js';

const SESSION = 'TenantConnectionService.session()';

describe('a statement that only touches rows', () => {
  it.each([
    'SELECT 1',
    '  select * from "orders" WHERE "temperature" > $1',
    'WITH x AS (SELECT 1) SELECT * FROM x',
    `INSERT INTO notes (body) VALUES ('SET search_path = x; set_config(')`,
    `SELECT 'pg_advisory_lock(1)', "set_config" FROM t -- set_config('a', 'b', false)`,
    'INSERT INTO temp VALUES (1)',
    'INSERT INTO temp (a) SELECT 1',
    'SELECT * FROM temp',
    'SELECT template.temp FROM template',
    'SELECT pg_advisory_xact_lock(1)',
    'SELECT pg_try_advisory_xact_lock_shared(1)',
    `SELECT current_setting('app.tenant_id')`,
    `SELECT U&'\\0061'`,
    '(SELECT 1) UNION (SELECT 2)',
    'EXPLAIN (ANALYZE, FORMAT JSON) SELECT 1',
    'EXPLAIN (SELECT 1)',
    'TABLE notes',
    'VALUES (1)',
    'SHOW server_version',
    `NOTIFY somebody, 'x'`,
    'SELECT setting FROM pg_settings',
    'SELECT setting FROM pg_settings FOR UPDATE',
    `UPDATE notes SET body = (SELECT setting FROM pg_settings WHERE name = 'x')`,
    'INSERT INTO notes (body) SELECT setting FROM pg_settings ON CONFLICT (id) DO UPDATE SET body = excluded.body',
    'CREATE TABLE jobs (execute boolean)',
    'CREATE TRIGGER t BEFORE INSERT ON notes EXECUTE FUNCTION f()',
    'SAVEPOINT a',
    'RELEASE SAVEPOINT a',
    'ROLLBACK TO a',
    'ROLLBACK WORK TO SAVEPOINT a',
    'SET CONSTRAINTS ALL DEFERRED',
    'DECLARE c CURSOR FOR SELECT 1',
    'DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1',
    'CREATE TABLE temp (id int)',
    'ALTER TABLE notes ADD COLUMN role text',
    'COPY notes FROM PROGRAM $$stdin$$',
    '',
    '-- nothing',
  ])('is allowed: %s', (text) => {
    expect(classifyStatement(text, false)).toBe('plain');
    expect(classifyStatement(text, true)).toBe('plain');
  });
});

describe('SET TRANSACTION', () => {
  it.each([
    ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'ISOLATION LEVEL SERIALIZABLE'],
    [
      'set transaction /* c */ read only, isolation level repeatable read;',
      'READ ONLY, ISOLATION LEVEL REPEATABLE READ',
    ],
  ])('is rebuilt from constants: %s', (text, modes) => {
    expect(classifyStatement(text, true)).toBe('modes');
    expect(transactionModes(text)).toBe(modes);
  });

  it.each(['SET TRANSACTION', 'SET TRANSACTION READ ONLY; SELECT 1', 'SET TRANSACTION "READ ONLY"'])(
    'is refused with anything but modes: %s',
    (text) => {
      expect(() => classifyStatement(text, true)).toThrow(expect.objectContaining({ code: 'MULTIPLE_COMMANDS' }));
    },
  );
});

describe('a transaction command', () => {
  it.each([
    ['BEGIN', 'begin'],
    [' /* a */ begin transaction read only ;', 'begin'],
    ['START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE', 'begin'],
    ['COMMIT', 'commit'],
    ['end work;', 'commit'],
    ['COMMIT AND NO CHAIN', 'commit'],
    ['ROLLBACK', 'rollback'],
    ['ABORT TRANSACTION', 'rollback'],
  ])('is classified: %s is %s', (text, kind) => {
    expect(classifyStatement(text, true)).toBe(kind);
  });

  it.each(['BEGIN; SELECT 1', 'COMMIT; SELECT 1', 'ROLLBACK;DELETE FROM notes', 'END; BEGIN', 'ABORT; SELECT 1'])(
    'is rejected together with another statement: %s',
    (text) => {
      expect(() => classifyStatement(text, true)).toThrow(expect.objectContaining({ code: 'MULTIPLE_COMMANDS' }));
    },
  );

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
  ])('is rejected when it contains unknown words: %s', (text) => {
    expect(() => classifyStatement(text, true)).toThrow(expect.objectContaining({ code: 'MULTIPLE_COMMANDS' }));
  });

  it.each([
    [
      'BEGIN -- work\n ISOLATION LEVEL REPEATABLE READ, READ ONLY; -- end',
      'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY',
    ],
    ['start transaction read write not deferrable', 'BEGIN READ WRITE, NOT DEFERRABLE'],
    ['begin work', 'BEGIN'],
  ])('is rebuilt from constants before it is sent: %s', (text, sent) => {
    expect(beginCommand(text)).toBe(sent);
  });

  it.each(['ROLLBACK TO "odd name"', 'ROLLBACK TO SAVEPOINT savepoint', 'ABORT WORK TO savepoint'])(
    'may roll back to a savepoint of any name: %s',
    (text) => {
      expect(classifyStatement(text, true)).toBe('plain');
    },
  );
});

describe('a statement whose effect would outlive it', () => {
  it.each([
    ['SET search_path = other', 'SET'],
    ['/* /* */ */ SET app.tenant_id = 1', 'SET'],
    ['-- a\rSET x = 1', 'SET'],
    [';;SET x = 1', 'SET'],
    ['SET SESSION x = 1', 'SET'],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'SET'],
    ['SET ROLE other', 'SET'],
    [`SET transaction.foo = 'left'`, 'SET'],
    [`SET constraints.foo = 'left'`, 'SET'],
    ['SET SESSION AUTHORIZATION other', 'SET'],
    ['SET TIME ZONE 0', 'SET'],
    ['SET "app"."tenant_id" = 1', 'SET'],
    ['RESET ALL', 'RESET'],
    ['DISCARD ALL', 'DISCARD'],
    ['LISTEN a', 'LISTEN'],
    ['UNLISTEN *', 'UNLISTEN'],
    [`LOAD 'x'`, 'LOAD'],
    ['PREPARE a AS SELECT 1', 'PREPARE'],
    ['EXECUTE a', 'EXECUTE'],
    ['EXPLAIN ANALYZE EXECUTE a', 'EXECUTE'],
    ['EXPLAIN (ANALYZE, VERBOSE) EXECUTE a', 'EXECUTE'],
    ['DEALLOCATE ALL', 'DEALLOCATE'],
    ['DO $$ BEGIN END $$', 'DO'],
    [`DO LANGUAGE plpgsql 'BEGIN END'`, 'DO'],
    ['DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'a cursor WITH HOLD'],
    [`SELECT set_config('a', 'b', false)`, 'set_config()'],
    [`SELECT "a'", set_config('app.tenant_id', 'x', false), "'"`, 'set_config()'],
    [`SELECT "set_config"('a', 'b', false)`, 'set_config()'],
    [`SELECT pg_catalog . "set_config" /* */ ('a', 'b', false)`, 'set_config()'],
    [`SELECT foo$$bar, set_config('a', 'b', false), x$$`, 'set_config()'],
    [`SELECT U&'\\', set_config('a', 'b', false) --'`, 'set_config()'],
    [`SELECT E'\\'', set_config('a', 'b', false)`, 'set_config()'],
    [`WITH x AS (SELECT SET_CONFIG('a', 'b', false)) SELECT * FROM x`, 'set_config()'],
    [`(SELECT set_config('a', 'b', false))`, 'set_config()'],
    ['SELECT set_limit(0.3)', 'set_limit()'],
    ['SELECT pg_advisory_lock(1)', 'pg_advisory_lock()'],
    ['SELECT "pg_advisory_lock"(1)', 'pg_advisory_lock()'],
    ['SELECT pg_try_advisory_lock_shared(1, 2)', 'pg_try_advisory_lock_shared()'],
    ['SELECT pg_advisory_unlock_all()', 'pg_advisory_unlock_all()'],
    [`SELECT query_to_xml('SELECT 1', true, true, '')`, 'query_to_xml()'],
    [`SELECT * FROM ts_stat('SELECT 1')`, 'ts_stat()'],
    ['CREATE TABLE t AS EXECUTE a', 'EXECUTE'],
    ['CREATE TEMP TABLE t (a, b) ON COMMIT DROP AS EXECUTE a', 'EXECUTE'],
    ['EXPLAIN ANALYZE CREATE TABLE t AS EXECUTE a', 'EXECUTE'],
    [`UPDATE pg_settings SET setting = 'off' WHERE name = 'row_security'`, 'a change of pg_settings'],
    ['UPDATE ONLY (pg_settings) SET setting = $1', 'a change of pg_settings'],
    [`update only "pg_catalog"."pg_settings" set setting = 'off'`, 'a change of pg_settings'],
    [`WITH x AS (UPDATE pg_settings SET setting = 'off' RETURNING 1) SELECT * FROM x`, 'a change of pg_settings'],
    [
      `MERGE INTO pg_settings USING notes ON true WHEN MATCHED THEN UPDATE SET setting = 'off'`,
      'a change of pg_settings',
    ],
    ['CREATE TEMP TABLE t (id int)', 'a temporary object'],
    ['CREATE LOCAL TEMPORARY TABLE t (id int)', 'a temporary object'],
    ['CREATE OR REPLACE TEMP VIEW v AS SELECT 1', 'a temporary object'],
    ['CREATE TEMP SEQUENCE s', 'a temporary object'],
    ['CREATE TABLE pg_temp.t (id int)', 'a temporary object'],
    ['CREATE TABLE "pg_temp".t (id int)', 'a temporary object'],
    ['SELECT 1 INTO TEMP t', 'a temporary object'],
    ['SELECT 1 INTO LOCAL TEMPORARY TABLE t', 'a temporary object'],
    ['SELECT 1 INTO pg_temp_3.t', 'a temporary object'],
    ['EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1', 'a temporary object'],
  ])('is rejected inside and outside transactions, with a session as the remedy: %s', (text, statement) => {
    for (const inTransaction of [true, false]) {
      expect(() => classifyStatement(text, inTransaction)).toThrow(
        expect.objectContaining({
          code: 'SESSION_STATEMENT_REFUSED',
          statement,
          remedy: expect.stringContaining(SESSION),
        }),
      );
    }
  });

  it.each([
    [`PREPARE TRANSACTION 'a'`, 'PREPARE TRANSACTION'],
    [`COMMIT PREPARED 'a'`, 'COMMIT PREPARED'],
    [`ROLLBACK PREPARED 'a'`, 'ROLLBACK PREPARED'],
    ['COMMIT AND CHAIN', 'AND CHAIN'],
    ['ROLLBACK WORK AND CHAIN', 'AND CHAIN'],
    ['COPY notes FROM STDIN', 'COPY FROM STDIN'],
    ['COPY (SELECT 1) TO STDOUT', 'COPY TO STDOUT'],
    [`ALTER ROLE CURRENT_USER SET app.tenant_id = 'x'`, 'ALTER ROLE'],
    [`ALTER USER me PASSWORD 'x'`, 'ALTER ROLE'],
    ['ALTER DATABASE d SET search_path = x', 'ALTER DATABASE'],
    ['ALTER SYSTEM SET x = 1', 'ALTER SYSTEM'],
    ['ALTER FUNCTION f() SET search_path = x', 'ALTER FUNCTION'],
    ['CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = x AS $$ SELECT 1 $$', 'CREATE FUNCTION'],
    ['CREATE OR REPLACE PROCEDURE p() LANGUAGE sql AS $$ SELECT 1 $$', 'CREATE FUNCTION'],
    ['LOCK TABLE notes', 'LOCK'],
    ['SELECT pg_terminate_backend(1)', 'pg_terminate_backend()'],
    ['SELECT 1 FROM notes WHERE pg_catalog."pg_cancel_backend"(id)', 'pg_cancel_backend()'],
    [`SELECT U&"\\0073et_config"('a', 'b', false)`, 'U&"…"'],
    ['SELECT u&"!0061" UESCAPE \'!\'', 'U&"…"'],
  ])('is rejected everywhere, with another remedy: %s', (text, statement) => {
    for (const inTransaction of [true, false]) {
      expect(() => classifyStatement(text, inTransaction)).toThrow(
        expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED', statement, remedy: expect.any(String) }),
      );
    }
  });

  it.each([
    'SET LOCAL statement_timeout = 100',
    'SET LOCAL TIME ZONE 0',
    'CREATE TEMP TABLE t (id int) ON COMMIT DROP',
    'CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 1',
    'SELECT lastval()',
    `SELECT currval('s')`,
  ])('is allowed only inside a transaction, which undoes it: %s', (text) => {
    expect(classifyStatement(text, true)).toBe('plain');
    expect(() => classifyStatement(text, false)).toThrow(
      expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED' }),
    );
  });
});

describe('a statement that would change the stamp of a transaction', () => {
  it.each([
    `SET LOCAL app.tenant_id = 'x'`,
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
  ])('is rejected: %s', (text) => {
    expect(() => classifyStatement(text, true)).toThrow(expect.objectContaining({ code: 'STAMP_PROTECTED' }));
  });
});

describe('a cursor or stream', () => {
  it('runs one statement', () => {
    expect(() => assertStreamable('SELECT 1;', true)).not.toThrow();
    expect(() => assertStreamable(`SELECT ';' -- ;`, false)).not.toThrow();
  });

  it.each(['SELECT 1; SELECT 2', 'SELECT 1; SET search_path = x'])('rejects two statements: %s', (text) => {
    expect(() => assertStreamable(text, true)).toThrow(expect.objectContaining({ code: 'MULTIPLE_COMMANDS' }));
  });

  it.each(['BEGIN', 'COMMIT', 'ROLLBACK', 'SET search_path = x'])('rejects %s', (text) => {
    expect(() => assertStreamable(text, true)).toThrow(expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED' }));
  });
});
