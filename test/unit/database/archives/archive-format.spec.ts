import { execFileSync } from 'node:child_process';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { Decrypter, Encrypter } from 'age-encryption';
import { packTar } from 'modern-tar';
import { newIdentity } from '../../../../src/database/archives/format/locks.js';
import { ArchiveReader } from '../../../../src/database/archives/format/archive-reader.js';
import { Readable } from 'node:stream';
import { archiveWith, failureOf, open } from '../../../support/archives/archive-bytes.js';

const { identity, recipient } = await newIdentity();
const LOCK = { recipients: [recipient] };
const KEY = { identities: [identity] };
const TABLES = { notes: '1\tone\n2\ttwo\n', empty: '', tags: '7\t\\N\n' };

async function decrypted(bytes: Buffer): Promise<Buffer> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return gunzipSync(await decrypter.decrypt(new Uint8Array(bytes)));
}

async function encrypted(compressed: Buffer): Promise<Buffer> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(new Uint8Array(compressed)));
}

async function archiveOfEntries(entries: Parameters<typeof packTar>[0]): Promise<Buffer> {
  return encrypted(gzipSync(await packTar(entries)));
}

async function manifestText(): Promise<string> {
  const tar = await decrypted(await archiveWith(TABLES, LOCK));
  return execFileSync('tar', ['xO', 'manifest.json'], { input: tar }).toString();
}

describe('an archive', () => {
  it('returns the rows that were written, in pieces of whole tables', async () => {
    const archive = await open(await archiveWith(TABLES, LOCK), KEY);
    const found: Record<string, string> = {};
    for await (const { table, pieces } of archive.tables()) {
      let text = '';
      for await (const piece of pieces) text += piece.toString();
      found[table.name] = text;
    }
    expect(found).toEqual(TABLES);
  });

  it('is a tar file behind age and gzip, which common tools read', async () => {
    const tar = await decrypted(await archiveWith(TABLES, LOCK));
    expect(execFileSync('tar', ['t'], { input: tar }).toString().split('\n')).toEqual([
      ...['manifest.json', 'tables/00000/000000001.copy', 'tables/00002/000000001.copy', ''],
    ]);
    expect(execFileSync('tar', ['xO', 'tables/00000/000000001.copy'], { input: tar }).toString()).toBe(TABLES.notes);
  });

  it('opens with its passphrase only', async () => {
    const bytes = await archiveWith(TABLES, { passphrase: 'correct horse', workFactor: 8 });
    expect(await failureOf(bytes, { passphrase: 'correct horse' })).toBeUndefined();
    expect(await failureOf(bytes, { passphrase: 'wrong' })).toBe('ARCHIVE_LOCKED');
    expect(await failureOf(bytes, KEY)).toBe('ARCHIVE_LOCKED');
    expect(bytes.toString('latin1')).not.toContain('one');
  });

  it('opens for each of its recipients, and for no other', async () => {
    const second = await newIdentity();
    const bytes = await archiveWith(TABLES, { recipients: [recipient, second.recipient] });
    for (const key of [identity, second.identity])
      expect(await failureOf(bytes, { identities: [key] })).toBeUndefined();
    expect(await failureOf(bytes, { identities: [(await newIdentity()).identity] })).toBe('ARCHIVE_LOCKED');
  });

  it('is refused when it is cut off anywhere', async () => {
    const bytes = await archiveWith(TABLES, LOCK);
    for (let length = 0; length < bytes.length; length += 37) {
      expect(await failureOf(bytes.subarray(0, length), KEY)).toMatch(/^ARCHIVE_(UNREADABLE|LOCKED)$/);
    }
  });

  it('is refused when any byte is changed', async () => {
    const bytes = await archiveWith(TABLES, LOCK);
    for (let at = 0; at < bytes.length; at += 29) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x41;
      expect(await failureOf(changed, KEY)).toMatch(/^ARCHIVE_(UNREADABLE|LOCKED)$/);
    }
  });

  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['a zip file', Buffer.from('PK\x03\x04 and so on')],
    ['a dump of PostgreSQL', Buffer.from('PGDMP\x01\x0e')],
    ['a header that never ends', Buffer.concat([Buffer.from('age-encryption.org/v1\n'), Buffer.alloc(200_000, 'a')])],
  ])('is not %s', async (_what, bytes) => {
    expect(await failureOf(bytes, KEY)).toBe('ARCHIVE_UNREADABLE');
  });

  it('does not spend more memory on a passphrase than age does by default', async () => {
    const bytes = await archiveWith(TABLES, { passphrase: 'p', workFactor: 8 });
    const costly = Buffer.from(bytes.toString('latin1').replace(/( \S+) 8\n/, '$1 30\n'), 'latin1');
    expect(costly).not.toEqual(bytes);
    expect(await failureOf(costly, { passphrase: 'p' })).toBe('ARCHIVE_LOCKED');
  });

  it.each<[string, (manifest: never) => unknown]>([
    ['of another product', () => ({ format: 'other' })],
    ['of a newer format', (manifest: object) => ({ ...manifest, formatVersion: 2 })],
    ['with fewer rows', (manifest: never) => withRows(manifest, 1)],
    ['with more rows', (manifest: never) => withRows(manifest, 3)],
    [
      'with a table twice',
      (manifest: { tables: object[] }) => ({ ...manifest, tables: manifest.tables.map(() => manifest.tables[0]) }),
    ],
    [
      'with a name that is too long',
      (manifest: { tables: object[] }) => ({
        ...manifest,
        tables: manifest.tables.map((table) => ({ ...table, name: 'x'.repeat(64) })),
      }),
    ],
    ['with fields that it does not know', (manifest: object) => ({ ...manifest, run: 'rm' })],
  ])('has no manifest %s', async (_what, change) => {
    expect(await failureOf(await archiveWith(TABLES, LOCK, change as never), KEY)).toBe('ARCHIVE_UNREADABLE');
  });

  it('has no entries but those of its tables: no other paths, no links, nothing in another order', async () => {
    const manifest = { header: { name: 'manifest.json', size: 0 }, body: await manifestText() };
    const rows = (name: string, body = TABLES.notes) => ({ header: { name, size: body.length }, body });
    const [notes, tags] = [rows('tables/00000/000000001.copy'), rows('tables/00002/000000001.copy', TABLES.tags)];
    manifest.header.size = Buffer.byteLength(manifest.body);
    expect(await failureOf(await archiveOfEntries([manifest, notes, tags]), KEY)).toBeUndefined();
    const link = { header: { name: notes.header.name, size: 0, type: 'symlink' as const, linkname: '/etc/passwd' } };
    for (const entries of [
      [notes, manifest, tags],
      [manifest, rows('../../etc/passwd'), notes, tags],
      [manifest, rows('/tables/00000/000000001.copy'), tags],
      [manifest, link, tags],
      [manifest, tags, notes],
      [manifest, notes, notes, tags],
      [manifest, rows('tables/00000/000000002.copy'), tags],
      [manifest, notes, tags, rows('tables/00003/000000001.copy')],
      [manifest, notes],
      [],
    ]) {
      expect(await failureOf(await archiveOfEntries(entries), KEY)).toBe('ARCHIVE_UNREADABLE');
    }
  });

  it('does not expand without end', async () => {
    const body = 'x'.repeat(90_000_000);
    const bomb = await archiveOfEntries([{ header: { name: 'manifest.json', size: body.length }, body }]);
    expect(bomb.length).toBeLessThan(200_000);
    expect(await failureOf(bomb, KEY)).toBe('ARCHIVE_UNREADABLE');
  });

  it('passes errors of the file itself on', async () => {
    const failing = new Readable({ read: () => failing.destroy(Object.assign(new Error('EIO'), { syscall: 'read' })) });
    await expect(ArchiveReader.open(failing, KEY)).rejects.toThrow('EIO');
  });
});

function withRows(manifest: { readonly tables: readonly object[] }, rows: number): object {
  return { ...manifest, tables: manifest.tables.map((table, n) => (n === 0 ? { ...table, rows } : table)) };
}
