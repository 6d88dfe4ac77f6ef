import { describe, expect, it } from '@jest/globals';
import { TemplateDataSource } from '../../../../src/database/data-source/template-data-source.js';
import { UnsupportedTypeormOptionError } from '../../../../src/database/data-source/unsupported-options.js';
import type { TypeormOptions } from '../../../../src/database/table-migrations/tenant-schema/typeorm-options.js';

const buildWith = (typeorm: object): Promise<unknown> =>
  TemplateDataSource.build({ entities: [], migrations: [], typeorm: typeorm as TypeormOptions });

describe('the start with options of TypeORM', () => {
  it.each(['cache', 'parseInt8', 'useUTC', 'synchronize', 'replication', 'schema', 'entities', 'logging', 'anything'])(
    'refuses %s by its name',
    async (name) => {
      const error: unknown = await buildWith({ [name]: true }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UnsupportedTypeormOptionError);
      expect(error).toMatchObject({ code: 'UNSUPPORTED_TYPEORM_OPTION', message: expect.stringContaining(name) });
    },
  );

  it('refuses all at once', async () => {
    await expect(buildWith({ cache: true, useUTC: true })).rejects.toThrow(/cache .+; useUTC /);
  });

  it('refuses values that would have no effect', async () => {
    await expect(buildWith({ isolationLevel: 'SNAPSHOT' })).rejects.toThrow(/isolationLevel must be one of/);
    await expect(buildWith({ maxQueryExecutionTime: 5 })).rejects.toThrow(/needs a logger/);
    await expect(buildWith({ logger: 'debug' })).rejects.toThrow(/logger must be an object/);
  });

  it('ignores options that are undefined', async () => {
    await expect(buildWith({ cache: undefined, namingStrategy: undefined })).resolves.toBeDefined();
  });
});
