import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { ensureIsolationFunctions } from '../../../../src/database/isolation/isolation-functions.js';
import { createSchemaSql } from '../../../../src/platform/postgres/create-schema.js';
import { createTestDatabase } from '../../../support/postgres/postgres.js';

const DATABASES = 5;
const SESSIONS = 8;

describe('the functions of isolation', () => {
  it('are installed once by sessions that all found none', async () => {
    for (let n = 0; n < DATABASES; n += 1) {
      const database = await createTestDatabase('install');
      const sessions = Array.from({ length: SESSIONS }, () => new pg.Client(database.url));
      await Promise.all(sessions.map((session) => session.connect()));
      // They have the system catalogs in memory, as sessions that have worked before.
      await Promise.all(sessions.map((session, at) => session.query(createSchemaSql(`before_${at}`))));
      const outcomes = await Promise.allSettled(sessions.map((session) => ensureIsolationFunctions(session)));
      await Promise.all(sessions.map((session) => session.end()));
      await database.drop();
      expect(outcomes).toEqual(Array(SESSIONS).fill({ status: 'fulfilled', value: undefined }));
    }
  });
});
