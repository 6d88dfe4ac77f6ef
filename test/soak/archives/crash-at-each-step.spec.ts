import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportCase, importCase } from '../../contracts/archive-crashes.js';
import { crashEverywhere } from '../../contracts/operation-crashes.js';
import { describeIf } from '../../support/describe-if.js';
import { hasMoto, Moto, MOTO_REQUIREMENT } from '../../support/object-store/moto.js';
import { Operators } from '../../support/operations/operators.js';

const LONGEST_MS = 10 * 60_000;

// A kill at the beginning of each step, when the step before it is done and not recorded, and one at the end of all.
describe('an operation over REST whose process is killed, with archives in a folder', () => {
  let folder: string;
  let operators: Operators;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
    operators = await Operators.start({ BACKUP_URL: pathToFileURL(folder).href });
  });
  afterAll(async () => {
    await operators.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it(
    'still exports the tenant',
    async () => expect(await crashEverywhere(operators, () => exportCase(operators, 'row'))).toBe(3),
    LONGEST_MS,
  );

  it.each(['row', 'schema', 'database'] as const)(
    'still imports the tenant, isolation %s',
    async (isolation) =>
      expect(await crashEverywhere(operators, () => importCase(operators, isolation))).toBeGreaterThan(8),
    LONGEST_MS,
  );
});

describeIf(hasMoto(), MOTO_REQUIREMENT, 'an operation whose process is killed, with archives in S3', () => {
  let moto: Moto;
  let operators: Operators;

  beforeAll(async () => {
    moto = await Moto.start();
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const client = new S3Client({ endpoint: moto.url, forcePathStyle: true, region: 'us-east-1', credentials });
    await client.send(new CreateBucketCommand({ Bucket: 'archives' })).finally(() => client.destroy());
    operators = await Operators.start({
      ...{ BACKUP_URL: 's3://archives/eu', AWS_ENDPOINT_URL: moto.url, AWS_REGION: 'us-east-1' },
      ...{ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    });
  });
  afterAll(async () => {
    await operators.close();
    await moto.kill();
  });

  it(
    'still exports the tenant',
    async () => expect(await crashEverywhere(operators, () => exportCase(operators, 'schema'))).toBe(3),
    LONGEST_MS,
  );

  it(
    'still imports the tenant',
    async () => expect(await crashEverywhere(operators, () => importCase(operators, 'schema'))).toBeGreaterThan(8),
    LONGEST_MS,
  );
});
