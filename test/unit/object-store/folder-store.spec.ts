import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FolderStore } from '../../../src/object-store/folder-store.js';
import { objectStoreContract } from '../../contracts/object-store.js';

const HOUR_MS = 3_600_000;

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'tenantry-store-'));
const filesIn = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
const text = (content: string): Readable => Readable.from([Buffer.from(content)]);

describe('a folder', () => {
  objectStoreContract(async () => {
    const folder = newFolder();
    return {
      store: new FolderStore(folder),
      hasLeftovers: async () => filesIn(folder).some((file) => file.includes('partial')),
      close: async () => rmSync(folder, { recursive: true }),
    };
  });
});

describe('a folder as a store', () => {
  let folder: string;
  let outside: string;
  let store: FolderStore;

  beforeEach(() => {
    folder = newFolder();
    outside = newFolder();
    store = new FolderStore(folder);
  });

  afterEach(() => {
    for (const path of [folder, outside]) rmSync(path, { recursive: true, force: true });
  });

  it('keeps its objects from other accounts', async () => {
    await store.put('t/a.age', text('x'));
    expect(statSync(join(folder, 't/a.age')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 't')).mode & 0o777).toBe(0o700);
  });

  it('shows nothing of an object that is being written, and keeps what it is not told to remove', async () => {
    const content = new Readable({ read: () => undefined });
    content.push(Buffer.from('half'));
    const writing = store.put('t/a.age', content);
    while (!filesIn(folder).some((file) => file.endsWith('.partial'))) await new Promise(setImmediate);
    const listed = [];
    for await (const object of store.list('')) listed.push(object);
    expect(listed).toEqual([]);
    expect(await store.removeLeftovers(HOUR_MS)).toBe(0);
    content.push(null);
    await writing;
    expect(filesIn(folder)).toEqual(['t', 't/a.age']);
  });

  it('leaves no object when its process is killed, and removes what that has left', async () => {
    await store.put('t/a.age', text('former'));
    const script = `
      import { Readable } from 'node:stream';
      import { FolderStore } from ${JSON.stringify(new URL('../../../dist/object-store/folder-store.js', import.meta.url).href)};
      const endless = Readable.from((function* () { for (;;) yield Buffer.alloc(65536); })());
      await new FolderStore(${JSON.stringify(folder)}).put('t/a.age', endless);`;
    const writer = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' });
    const partial = () => filesIn(folder).find((file) => file.endsWith('.partial'));
    const written = () => statSync(join(folder, partial() ?? 'none'), { throwIfNoEntry: false })?.size ?? 0;
    while (writer.exitCode === null && written() < 1_048_576) await new Promise((resolve) => setTimeout(resolve, 5));
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    expect((await buffer(await store.get('t/a.age'))).toString()).toBe('former');
    const left = join(folder, partial() ?? 'none');
    const longAgo = (Date.now() - 2 * HOUR_MS) / 1000;
    utimesSync(left, longAgo, longAgo);
    expect(await store.removeLeftovers(HOUR_MS)).toBe(1);
    expect(filesIn(folder)).toEqual(['t', 't/a.age']);
  });

  it('never writes, reads or deletes through a symbolic link', async () => {
    mkdirSync(join(folder, 't'));
    writeFileSync(join(outside, 'secret.age'), 'secret');
    symlinkSync(outside, join(folder, 'link'));
    symlinkSync(join(outside, 'secret.age'), join(folder, 't', 'secret.age'));
    for (const key of ['link/new.age', 'link/deep/new.age']) {
      await expect(store.put(key, text('x'))).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    }
    await expect(store.get('link/secret.age')).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    await expect(store.get('t/secret.age')).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    await expect(store.delete('link/secret.age')).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    const listed = [];
    for await (const object of store.list('')) listed.push(object);
    expect(listed).toEqual([]);
    await store.put('t/secret.age', text('ours')); // replaces the link, not what it leads to
    expect(filesIn(outside)).toEqual(['secret.age']);
    expect(
      (await buffer(await open(join(outside, 'secret.age')).then((file) => file.createReadStream()))).toString(),
    ).toBe('secret');
  });

  it('may be reached through a symbolic link itself', async () => {
    symlinkSync(folder, join(outside, 'backups'));
    await new FolderStore(join(outside, 'backups')).put('t/a.age', text('x'));
    expect(filesIn(folder)).toEqual(['t', 't/a.age']);
  });

  it('is not created where it is missing, as a folder of a network that is not mounted', async () => {
    rmSync(folder, { recursive: true });
    const unavailable = { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('the folder does not exist') };
    await expect(store.put('t/a.age', text('x'))).rejects.toMatchObject(unavailable);
    await expect(store.get('t/a.age')).rejects.toMatchObject(unavailable);
    await expect(store.delete('t/a.age')).rejects.toMatchObject(unavailable);
    await expect(store.list('').next()).rejects.toMatchObject(unavailable);
    await expect(store.removeLeftovers(0)).rejects.toMatchObject(unavailable);
    expect(existsSync(folder)).toBe(false);
  });

  it('refuses an object that would be a folder', async () => {
    await store.put('t/a.age/deeper.age', text('x'));
    await expect(store.put('t/a.age', text('x'))).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    await expect(store.get('t/a.age')).rejects.toMatchObject({ code: 'STORE_REFUSED' });
    expect(filesIn(folder)).toEqual(['t', 't/a.age', 't/a.age/deeper.age']);
  });

  it('gives up on a file system that does not respond', async () => {
    mkdirSync(join(folder, 't'));
    const pipe = join(folder, 't/a.age');
    execFileSync('mkfifo', [pipe]); // opening it waits for a writer
    const impatient = new FolderStore(folder, { callMs: 50 });
    await expect(impatient.get('t/a.age')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await (await open(pipe, 'w')).close(); // ends the waiting thread
  });
});
