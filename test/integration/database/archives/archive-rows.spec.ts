import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newIdentity } from '../../../../src/database/archives/format/locks.js';
import { ArchiveWriter } from '../../../../src/database/archives/format/archive-writer.js';
import { loadArchive } from '../../../../src/database/archives/load-archive.js';
import { sequenceObstacles, sequencesOfRows } from '../../../../src/database/copy/bring-sequences.js';
import { writeJsonLines } from '../../../../src/database/archives/write-json-lines.js';
import { type ArchivedTenant, writeArchive } from '../../../../src/database/archives/write-archive.js';
import type { CopyPlace } from '../../../../src/database/copy/copy-place.js';
import { archiveOf, archiveWith, open } from '../../../support/archives/archive-bytes.js';
import { soon } from '../../../support/load/soon.js';
import { CopyRig, isUsable, run, texts } from '../../../support/copy/copy-rig.js';
import { EVERY_TABLE, EVERY_TYPE, EVERY_VALUE } from '../../../support/copy/every-type.js';

const ARCHIVED: ArchivedTenant = { id: randomUUID(), slug: 'acme', isolation: 'row' };
const OTHER = randomUUID();
const signal = new AbortController().signal;
const { identity, recipient } = await newIdentity();
const LOCK = { recipients: [recipient] };
const KEY = { identities: [identity] };

let rig: CopyRig;
let shared: CopyPlace;
let archive: Buffer;

beforeAll(async () => {
  rig = await CopyRig.start(EVERY_TYPE);
  shared = await rig.place('shared', { isAlone: false });
  for (const tenant of [OTHER, ARCHIVED.id]) await run(shared, tenant, EVERY_VALUE);
  archive = await archiveOf(shared, ARCHIVED, LOCK);
});

afterAll(() => rig.stop());

async function everything(place: CopyPlace, tenant: string): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const table of EVERY_TABLE) {
    const rows = await texts(place, table, tenant);
    found[table] = rows.map((row) => row.replaceAll(tenant, 'the tenant'));
  }
  return found;
}

describe('the archive of a tenant in shared tables', () => {
  it('becomes another tenant with the same values of every type, in another database', async () => {
    const [place, tenant] = [await rig.place('tenant', { database: 'second' }), randomUUID()];
    for (let again = 0; again < 2; again += 1) {
      await loadArchive(await open(archive, KEY), place, tenant, { signal });
      expect(await everything(place, tenant)).toEqual(await everything(shared, ARCHIVED.id));
    }
    expect(await everything(place, OTHER)).toEqual(Object.fromEntries(EVERY_TABLE.map((table) => [table, []])));
    expect(await isUsable(place.client)).toBe(true);
  });

  it('reports its progress up to the number of its rows', async () => {
    const [place, seen] = [await rig.place('progress'), [] as (readonly [number, number])[]];
    const onProgress = (rows: number, all: number): void => void seen.push([rows, all]);
    await loadArchive(await open(archive, KEY), place, randomUUID(), { signal, onProgress });
    expect(seen.at(-1)).toEqual([75, 75]);
  });

  it('leaves no row of a changed archive, and the connection as it was', async () => {
    const [place, tenant] = [await rig.place('changed'), randomUUID()];
    for (const at of [archive.length - 20, Math.floor(archive.length / 2)]) {
      const changed = Buffer.from(archive);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(
        open(changed, KEY).then((reader) => loadArchive(reader, place, tenant, { signal })),
      ).rejects.toMatchObject({ code: 'ARCHIVE_UNREADABLE' });
      expect(Object.values(await everything(place, tenant)).flat()).toEqual([]);
      expect(await isUsable(place.client)).toBe(true);
    }
  });

  it('ends when it is aborted while it is written, with its bytes and the connection', async () => {
    const [aborting, writer] = [new AbortController(), await ArchiveWriter.open(LOCK)];
    const failed = new Promise<Error>((resolve) => writer.bytes.once('error', resolve));
    const onProgress = (): void => aborting.abort(new Error('no more'));
    writer.bytes.resume();
    const written = writeArchive(shared, ARCHIVED, writer, { signal: aborting.signal, onProgress });
    await expect(written).rejects.toThrow('no more');
    expect((await failed).message).toMatch(/no more/);
    expect(await isUsable(shared.client)).toBe(true);
  });

  it('ends with its reader', async () => {
    const writer = await ArchiveWriter.open(LOCK);
    writer.bytes.once('data', () => writer.bytes.destroy());
    await expect(writeArchive(shared, ARCHIVED, writer, { signal })).rejects.toThrow();
    expect(await isUsable(shared.client)).toBe(true);
  });
});

describe('an archive of other tables', () => {
  let place: CopyPlace;
  const notes = { notes: '1\tone\n2\ttwo\n' };

  beforeAll(async () => {
    place = await rig.place('notes', {
      ddl: 'CREATE TABLE notes (tenant_id uuid, id int, text text NOT NULL, PRIMARY KEY (tenant_id, id))',
    });
  });

  async function load(bytes: Buffer): Promise<unknown> {
    const reader = await open(bytes, KEY);
    return loadArchive(reader, place, randomUUID(), { signal }).then(
      () => 'loaded',
      (error: unknown) => (error as { code?: unknown }).code,
    );
  }

  it.each<[string, Record<string, string>, string]>([
    ['lacks a table', {}, 'ARCHIVE_TABLES'],
    ['has one more', { ...notes, more: '1\tone\n' }, 'ARCHIVE_TABLES'],
    ['has values that are none of its type', { notes: 'x\tone\n' }, 'COPY_REFUSED'],
    ['has rows with too many fields', { notes: '1\tone\ttwo\n' }, 'COPY_REFUSED'],
    ['breaks a constraint', { notes: '1\t\\N\n' }, 'COPY_REFUSED'],
    ['has a key twice', { notes: '1\tone\n1\ttwo\n' }, 'COPY_REFUSED'],
    ['ends COPY early', { notes: '1\tone\n\\.\n2\ttwo\n' }, 'COPY_REFUSED'],
    ['has another hash', notes, 'COPY_MISMATCH'],
  ])('is refused when it %s, and leaves nothing', async (_what, tables, code) => {
    expect(await load(await archiveWith(tables, LOCK))).toBe(code);
    expect((await place.client.query('SELECT FROM notes.notes')).rowCount).toBe(0);
    expect(await isUsable(place.client)).toBe(true);
  });

  it.each([
    ['a number', 'int', '12secret'],
    ['a path of JSON', 'jsonpath', '$.secret['],
    ['a search for words', 'tsquery', 'secret & & it'],
  ])('quotes no value in its error, where one is not %s', async (_what, type, value) => {
    const ddl = `CREATE TABLE notes (tenant_id uuid, id int, text ${type}, PRIMARY KEY (tenant_id, id))`;
    const typed = await rig.place(`typed_${type}`, { ddl });
    const reader = await open(await archiveWith({ notes: `1\t${value}\n` }, LOCK), KEY);
    const error = await loadArchive(reader, typed, randomUUID(), { signal }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'COPY_REFUSED' });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret');
  });
});

describe('JSON lines', () => {
  it('have a line per row, also where a value of JSON has line breaks, and nothing of other tenants', async () => {
    const ddl = 'CREATE TABLE notes (tenant_id uuid, id int, doc json, t text, PRIMARY KEY (tenant_id, id))';
    const place = await rig.place('documents', { ddl, isAlone: false });
    const values = `(1, E'{\n  "a": "b\\\\nc"\r\n}', E'tab\tquote"\n\x01'), (2, NULL, NULL)`;
    for (const tenant of [ARCHIVED.id, OTHER]) {
      await run(place, tenant, `INSERT INTO notes SELECT $t, id, doc::json, t FROM (VALUES ${values}) v (id, doc, t)`);
    }
    const lines: Record<string, string> = {};
    const table = (name: string) => {
      lines[name] = '';
      const write = async (piece: Buffer): Promise<void> => void (lines[name] += piece.toString());
      return Promise.resolve({ write, end: () => Promise.resolve() });
    };
    await writeJsonLines(place, ARCHIVED.id, { table }, { signal });
    const rows = (lines['notes'] ?? '').trimEnd().split('\n');
    expect(rows.map((line) => JSON.parse(line))).toEqual([
      { id: 1, doc: { a: 'b\nc' }, t: 'tab\tquote"\n\u0001' },
      { id: 2, doc: null, t: null },
    ]);
  });
});

describe('a table that is rewritten when an archive begins', () => {
  it('has its rows in it', async () => {
    const ddl = 'CREATE TABLE notes (tenant_id uuid, id int, text text, PRIMARY KEY (tenant_id, id))';
    const place = await rig.place('rewritten', { ddl });
    await run(place, ARCHIVED.id, `INSERT INTO notes VALUES ($t, 1, '1'), ($t, 2, '2')`);
    const migrating = await rig.connect();
    await migrating.query('BEGIN; ALTER TABLE rewritten.notes ALTER id TYPE bigint');
    const archived = archiveOf(place, ARCHIVED, LOCK);
    await soon(async () => {
      const { rows } = await migrating.query(
        `SELECT FROM pg_locks WHERE NOT granted AND relation = 'rewritten.notes'::regclass`,
      );
      expect(rows).toHaveLength(1);
    });
    await migrating.query('COMMIT');
    const { manifest } = await open(await archived, KEY);
    expect(manifest.tables).toMatchObject([{ name: 'notes', rows: 2 }]);
  });
});

describe('sequences that tenants share', () => {
  it('are not advanced to where the values of an archive are far ahead', async () => {
    const ddl = 'CREATE TABLE notes (tenant_id uuid, id serial, PRIMARY KEY (tenant_id, id))';
    const [from, to] = [await rig.place('loaded', { ddl }), await rig.place('together', { ddl, isAlone: false })];
    await run(from, ARCHIVED.id, 'INSERT INTO notes SELECT $t, n FROM generate_series(1, 500) n');
    expect(await sequencesOfRows(from)).toEqual([{ table: 'notes', column: 'id', last: 500n, isCalled: true }]);
    expect(await sequenceObstacles(to, await sequencesOfRows(from))).toEqual([]);
    await run(from, ARCHIVED.id, 'INSERT INTO notes VALUES ($t, 2147483647)');
    expect(await sequenceObstacles(to, await sequencesOfRows(from))).toEqual([
      'column "id" of table "notes" has values far ahead of its sequence',
    ]);
  });
});
