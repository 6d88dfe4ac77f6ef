import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { saveFile, saveFolder } from '../../../../src/cli/archives/archive-file.js';
import type { JsonLinesSink } from '../../../../src/database/archives/write-json-lines.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytes = (): Readable => Readable.from([Buffer.from('an archive')]);
const confirm = (): Promise<void> => Promise.resolve();
const refuse = (): Promise<void> => Promise.reject(new Error('the tenant was moved'));

describe('a file', () => {
  it('is there as a whole, for its owner only', async () => {
    await saveFile(join(folder, 'acme.age'), bytes(), confirm);
    expect(await readdir(folder)).toEqual(['acme.age']);
    expect(await readFile(join(folder, 'acme.age'), 'utf8')).toBe('an archive');
  });

  it('is not there when it is not confirmed, or its bytes end with an error', async () => {
    await expect(saveFile(join(folder, 'acme.age'), bytes(), refuse)).rejects.toThrow('was moved');
    const failing = new Readable({ read: () => failing.destroy(new Error('the snapshot has ended')) });
    await expect(saveFile(join(folder, 'acme.age'), failing, confirm)).rejects.toThrow('has ended');
    expect(await readdir(folder)).toEqual([]);
  });

  it('replaces no other one that was made meanwhile', async () => {
    const path = join(folder, 'acme.age');
    const saving = saveFile(path, bytes(), () => writeFile(path, 'of another command'));
    await expect(saving).rejects.toMatchObject({ message: expect.stringContaining('exists already') });
    expect(await readFile(path, 'utf8')).toBe('of another command');
  });
});

describe('a folder', () => {
  async function fill(sink: JsonLinesSink): Promise<void> {
    for (const table of ['notes', 'Notes', '../etc/"passwd"']) {
      const file = await sink.table(table);
      await file.write(Buffer.from('{}\n'));
      await file.end();
    }
  }

  it('has a file per table, whatever the tables are called', async () => {
    const files = await saveFolder(join(folder, 'acme'), fill);
    expect(files).toEqual(['notes.jsonl', 'Notes-1.jsonl', '___etc__passwd_.jsonl']);
    expect((await readdir(join(folder, 'acme'))).toSorted()).toEqual(files.toSorted());
  });

  it('is not there when it is not filled to its end', async () => {
    const saving = saveFolder(join(folder, 'acme'), async (sink) => {
      await (await sink.table('notes')).write(Buffer.from('{'));
      throw new Error('the tenant is deleted');
    });
    await expect(saving).rejects.toThrow('is deleted');
    expect(await readdir(folder)).toEqual([]);
  });
});
