import type { DynamicModule, INestApplication, LoggerService, Type } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { TestDatabaseNotUsedError } from './testing.errors.js';

/** What starts the application under test: its root module, or a function as in its `main.ts`. */
export type TestApplicationOptions = (ModuleOptions | FactoryOptions) & LogOptions;

interface LogOptions {
  /** Nest's log during the tests. Default: none. */
  readonly logger?: LoggerService | false;
}

interface ModuleOptions {
  /** The application's own root module, which imports `TenantryModule.forRoot`. */
  readonly module: Type | DynamicModule;
  /** `new FastifyAdapter()` for an application on Fastify. Default: Express. */
  readonly adapter?: AbstractHttpAdapter;
}

interface FactoryOptions {
  /** Creates the application with its pipes, filters and adapter; it need not listen. The variables are in `process.env` too. */
  readonly createApp: (env: Readonly<Record<string, string>>) => INestApplication | Promise<INestApplication>;
}

/**
 * Creates the application and has it listen on a free port of 127.0.0.1.
 *
 * @throws TestDatabaseNotUsedError when it uses another database
 */
export async function startApplication(
  options: TestApplicationOptions,
  env: Readonly<Record<string, string>>,
): Promise<INestApplication> {
  const app = 'module' in options ? await createFromModule(options) : await options.createApp(env);
  try {
    await app.init();
    const { database } = app.get<AppConfig>(APP_CONFIG, { strict: false });
    if (database.url !== env['DATABASE_URL']) {
      throw new TestDatabaseNotUsedError('the application has not read DATABASE_URL of the test');
    }
    if (!isListening(app)) await app.listen(0, '127.0.0.1');
    return app;
  } catch (error) {
    await app.close();
    throw error;
  }
}

function createFromModule({ module, adapter, logger = false }: ModuleOptions & LogOptions): Promise<INestApplication> {
  const options = { logger, abortOnError: false };
  return adapter ? NestFactory.create(module, adapter, options) : NestFactory.create(module, options);
}

function isListening(app: INestApplication): boolean {
  return (app.getHttpServer() as { readonly listening?: boolean }).listening === true;
}
