// The approach of most tutorials: a tenant's first request creates its data source, and a Map keeps it. Kinder than
// most of them: two simultaneous first requests create one, and nothing is request-scoped. The pools have to share the
// server's connection limit: POOL_SIZE connections each.
import { DataSource } from 'typeorm';
import type { Holder } from '../shop/api-keys.js';
import { sourceOptions, Sources } from '../shop/sources.js';
import { start } from '../shop/start.js';

const POOL_SIZE = Number(process.env['POOL_SIZE'] ?? '1');

class MapOfSources extends Sources {
  private readonly sources = new Map<string, DataSource | Promise<DataSource>>();

  async use<Result>(holder: Holder, work: (source: DataSource) => Promise<Result>): Promise<Result> {
    const key = `${holder.database} ${holder.schema}`;
    let source = this.sources.get(key);
    if (!source) {
      source = this.open(key, holder);
      this.sources.set(key, source);
    }
    return work(source instanceof Promise ? await source : source);
  }

  async close(): Promise<void> {
    for (const source of this.sources.values()) await (await source).destroy();
  }

  private async open(key: string, { database, schema }: Holder): Promise<DataSource> {
    try {
      const source = await new DataSource({ ...sourceOptions(POOL_SIZE, database), schema }).initialize();
      this.sources.set(key, source);
      return source;
    } catch (error) {
      this.sources.delete(key);
      throw error;
    }
  }
}

await start(() => new MapOfSources());
