// An ordinary application: NestJS, Fastify, TypeORM, a pool of 10. No tenants, no row-level security.
import { DataSource } from 'typeorm';
import { sourceOptions, Sources } from '../shop/sources.js';
import { start } from '../shop/start.js';

class OneSource extends Sources {
  constructor(private readonly source: DataSource) {
    super();
  }

  use<Result>(_holder: unknown, work: (source: DataSource) => Promise<Result>): Promise<Result> {
    return work(this.source);
  }

  close(): Promise<void> {
    return this.source.destroy();
  }
}

await start(async () => new OneSource(await new DataSource(sourceOptions(10)).initialize()));
