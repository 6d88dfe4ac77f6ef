// dist/main.js with one more route, which streams rows of the tenant: GET /export.
import 'reflect-metadata';
import { Readable } from 'node:stream';
import { Controller, Get, Inject, Module, StreamableFile } from '@nestjs/common';
import { AppModule } from '../../../dist/app/app.module.js';
import { TenantContext } from '../../../dist/index.js';

/** 20 MB: more than sockets hold, so that a client that does not read keeps it open. */
const ROWS = `SELECT repeat('x', 10000) AS text FROM generate_series(1, 2000)`;

class ExportController {
  constructor(context) {
    this.context = context;
  }

  async export() {
    const runner = this.context.current().dataSource.createQueryRunner();
    const rows = await runner.stream(ROWS);
    return new StreamableFile(Readable.from(texts(rows, runner)), { type: 'text/plain' });
  }
}

async function* texts(rows, runner) {
  try {
    for await (const { text } of rows) yield text;
  } finally {
    await runner.release();
  }
}

Inject(TenantContext)(ExportController, undefined, 0);
const { prototype } = ExportController;
Get()(prototype, 'export', Object.getOwnPropertyDescriptor(prototype, 'export'));
Controller('export')(ExportController);

class ExportModule {}
Module({ controllers: [ExportController] })(ExportModule);

Reflect.defineMetadata('imports', [...Reflect.getMetadata('imports', AppModule), ExportModule], AppModule);
await import('../../../dist/main.js');
