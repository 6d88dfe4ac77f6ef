import { randomUUID } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Decrypter, Encrypter } from 'age-encryption';
import { newIdentity } from '../../../src/database/archives/format/locks.js';
import { loadArchive } from '../../../src/database/archives/load-archive.js';
import type { CopyPlace } from '../../../src/database/copy/copy-place.js';
import { archiveOf, open } from '../../support/archives/archive-bytes.js';
import { CopyRig, isUsable, run } from '../../support/copy/copy-rig.js';
import { EVERY_TABLE, EVERY_TYPE, EVERY_VALUE } from '../../support/copy/every-type.js';

const SEED = Number(process.env['SEED'] ?? 4711);
const CODES = /^(ARCHIVE_UNREADABLE|ARCHIVE_LOCKED|ARCHIVE_TABLES|COPY_REFUSED|COPY_MISMATCH)$/;
const signal = new AbortController().signal;
const { identity, recipient } = await newIdentity();

/** A generator of numbers below a limit, the same for the same seed. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const random = randomNumbers(SEED);
let rig: CopyRig;
let place: CopyPlace;
let archive: Buffer;

beforeAll(async () => {
  rig = await CopyRig.start(EVERY_TYPE);
  const source = await rig.place('source', { isAlone: false });
  const tenant = { id: randomUUID(), slug: 'acme', isolation: 'row' } as const;
  // Without the one large value, which would make almost every change one of it.
  await run(source, tenant.id, EVERY_VALUE.replace("repeat('ß\\', 100000)", "repeat('ß\\', 100)"));
  archive = await archiveOf(source, tenant, { recipients: [recipient] });
  place = await rig.place('goal', { database: 'second' });
});

afterAll(() => rig.stop());

/** One of: some bytes changed, a part missing, repeated, moved, or replaced by others. */
function mutated(bytes: Buffer): Buffer {
  const at = random(bytes.length);
  const length = 1 + random(Math.min(2_000, bytes.length - at));
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)];
  switch (random(6)) {
    case 0: {
      const changed = Buffer.from(bytes);
      for (let n = 0; n <= random(4); n += 1) changed[random(bytes.length)] = random(256);
      return changed;
    }
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, part, part, after]);
    case 3:
      return before;
    case 4:
      return Buffer.concat([before, Buffer.from(part).fill(random(256)), after]);
    default: {
      const elsewhere = random(after.length + 1);
      return Buffer.concat([before, after.subarray(0, elsewhere), part, after.subarray(elsewhere)]);
    }
  }
}

async function decrypted(): Promise<Buffer> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return Buffer.from(await decrypter.decrypt(new Uint8Array(archive)));
}

async function encrypted(bytes: Buffer): Promise<Buffer> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(new Uint8Array(bytes)));
}

/** Loads an archive; when it is refused, as it should, nothing of it may be left. @returns the code of the error */
async function outcome(bytes: Buffer): Promise<string> {
  const tenant = randomUUID();
  try {
    await loadArchive(await open(bytes, { identities: [identity] }), place, tenant, { signal });
    return 'loaded';
  } catch (error) {
    for (const table of EVERY_TABLE) {
      const { rows } = await place.client.query<{ found: boolean }>(
        `SELECT EXISTS (SELECT FROM goal."${table.replaceAll('"', '""')}") AS found`,
      );
      if (rows[0]?.found) return `rows are left in ${table}`;
    }
    return (error as { code?: string }).code ?? String(error);
  }
}

async function codesOf(count: number, make: () => Promise<Buffer>): Promise<Record<string, number>> {
  const codes: Record<string, number> = {};
  for (let n = 0; n < count; n += 1) {
    const bytes = await make();
    const code = await outcome(bytes);
    codes[code] = (codes[code] ?? 0) + 1;
    if (code === 'loaded') {
      for (const table of EVERY_TABLE)
        await place.client.query(`TRUNCATE goal."${table.replaceAll('"', '""')}" CASCADE`);
    } else if (!CODES.test(code)) {
      throw new Error(`seed ${SEED}, archive ${n}: ${code}`);
    }
  }
  process.stdout.write(`${JSON.stringify(codes)}\n`);
  expect(await isUsable(place.client)).toBe(true);
  return codes;
}

describe('10,000 mutated archives', () => {
  it('are refused with a stable code and leave nothing, when the file is changed', async () => {
    const codes = await codesOf(4_000, () => Promise.resolve(mutated(archive)));
    expect(codes['loaded'] ?? 0).toBeLessThan(40); // a mutation that changes nothing
  }, 600_000);

  it('are refused when it is changed before it is encrypted', async () => {
    const compressed = await decrypted();
    const codes = await codesOf(3_000, () => encrypted(mutated(compressed)));
    expect(codes['loaded'] ?? 0).toBeLessThan(300); // bytes of gzip's header mean nothing to us
  }, 600_000);

  it('are refused when it is changed before it is compressed, by someone who knows the recipient', async () => {
    const tar = gunzipSync(await decrypted());
    const codes = await codesOf(3_000, () => encrypted(gzipSync(mutated(tar), { level: 1 })));
    expect(codes['COPY_MISMATCH']).toBeGreaterThan(10); // a value that is another one: only the hash tells
  }, 900_000);
});
