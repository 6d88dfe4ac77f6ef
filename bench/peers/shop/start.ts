import 'reflect-metadata';
import { Module, StandardSchemaValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiKeys } from './api-keys.js';
import { OrdersController } from './orders.controller.js';
import { Sources } from './sources.js';

/** Starts a complete NestJS 12 program. The key is checked in a Fastify hook, the cheapest way to do it. */
export async function start(open: (keys: ApiKeys) => Sources | Promise<Sources>): Promise<void> {
  const keys = new ApiKeys(process.env['API_KEYS_FILE']!);
  const sources = await open(keys);
  @Module({ controllers: [OrdersController], providers: [{ provide: Sources, useValue: sources }] })
  class PeerModule {}

  const adapter = new FastifyAdapter();
  const app = await NestFactory.create<NestFastifyApplication>(PeerModule, adapter, { logger: ['warn', 'error'] });
  app.useGlobalPipes(new StandardSchemaValidationPipe());
  adapter.getInstance().addHook('onRequest', (request, reply, done) => {
    const holder = keys.holderOf(request.headers.authorization);
    if (!holder) return void reply.status(401).send({ code: 'UNAUTHENTICATED' });
    Object.assign(request, { holder });
    done();
  });
  await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) });
  process.once('SIGTERM', () => void stop(app, sources));
}

async function stop(app: NestFastifyApplication, sources: Sources): Promise<void> {
  await app.close();
  await sources.close();
  process.exit(0);
}
