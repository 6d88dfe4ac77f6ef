import 'reflect-metadata';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type DynamicModule, type INestApplication, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { Transport } from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { TenantryModule, type TenantryOptions } from 'tenantry';
import { CreateNotes1764100000000, Note } from './note.js';
import { MessageTenant, NotesController, NotesMessages } from './notes.controller.js';
import { NotesGateway } from './notes.gateway.js';
import { NotesResolver, OtherResolver } from './notes.resolver.js';
import { NotesService } from './notes.service.js';

export interface AppOptions {
  readonly http: 'express' | 'fastify';
  readonly graphql?: 'apollo' | 'mercurius';
  readonly graphqlOptions?: object;
  readonly sockets?: 'socket.io' | 'ws';
  /** Where microservices' messages arrive over TCP. */
  readonly microservicePort?: number;
  readonly tenantry?: TenantryOptions;
  /** Variables in addition to those of the process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly providers?: Type[];
  readonly controllers?: Type[];
}

export interface RunningApp {
  readonly nest: INestApplication;
  readonly url: string;
}

export async function startApp(options: AppOptions): Promise<RunningApp> {
  const adapter = options.http === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const nest = await NestFactory.create(await rootOf(options), adapter as never, {
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  await serve(nest, options).catch(async (error: unknown) => {
    await nest.close();
    throw error;
  });
  return { nest, url: (await nest.getUrl()).replace('[::1]', '127.0.0.1') };
}

async function serve(nest: INestApplication, options: AppOptions): Promise<void> {
  if (options.sockets) nest.useWebSocketAdapter(options.sockets === 'ws' ? new WsAdapter(nest) : new IoAdapter(nest));
  if (options.microservicePort !== undefined) {
    nest.connectMicroservice({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: options.microservicePort },
    });
    await nest.startAllMicroservices();
  }
  await nest.listen(0, '127.0.0.1');
}

async function rootOf({
  graphql,
  graphqlOptions,
  tenantry,
  env: variables,
  sockets,
  providers,
  controllers,
}: AppOptions): Promise<Type> {
  const env = { ...process.env, ...variables, DATA_DIR: await mkdtemp(join(tmpdir(), 'tenantry-fixture-')) };
  @Module({
    imports: [
      TenantryModule.forRoot({ env, controlPlane: true, messageResolver: MessageTenant, ...tenantry }),
      TenantryModule.forFeature({ entities: [Note], migrations: [CreateNotes1764100000000] }),
      ...(graphql ? [graphqlModule(graphql, graphqlOptions)] : []),
    ],
    controllers: controllers ?? [NotesController, NotesMessages],
    providers: providers ?? [
      NotesService,
      ...(graphql ? [NotesResolver, OtherResolver] : []),
      ...(sockets ? [NotesGateway] : []),
    ],
  })
  class AppModule {}
  return AppModule;
}

function graphqlModule(driver: 'apollo' | 'mercurius', options: object = {}): DynamicModule {
  return driver === 'apollo'
    ? GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        subscriptions: { 'graphql-ws': true },
        ...options,
      })
    : GraphQLModule.forRoot<MercuriusDriverConfig>({
        driver: MercuriusDriver,
        autoSchemaFile: true,
        subscription: true,
        ...options,
      });
}
