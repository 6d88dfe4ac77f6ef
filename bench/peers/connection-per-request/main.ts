// A new connection for each request, closed after it. Kind to this approach: only the connection is new
// (node-postgres's `maxUses: 1`), not the entity metadata. With DATA_SOURCE=new the whole data source is new, as with
// `new DataSource().initialize()` in a request-scoped provider. At most 50 at once, which the server can sustain.
import { DataSource } from 'typeorm';
import { sourceOptions, Sources } from '../shop/sources.js';
import { start } from '../shop/start.js';

const MOST = 50;

class NewConnections extends Sources {
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

class NewSources extends Sources {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  async use<Result>(_holder: unknown, work: (source: DataSource) => Promise<Result>): Promise<Result> {
    if (this.running >= MOST) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running += 1;
    try {
      const source = await new DataSource(sourceOptions(1)).initialize();
      try {
        return await work(source);
      } finally {
        await source.destroy();
      }
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running -= 1;
    }
  }

  async close(): Promise<void> {}
}

await start(async () => {
  if (process.env['DATA_SOURCE'] === 'new') return new NewSources();
  return new NewConnections(await new DataSource({ ...sourceOptions(MOST), extra: { maxUses: 1 } }).initialize());
});
