import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { LoadedConfig } from '../platform/config/load-config.js';
import { Drain } from './drain.js';
import { createLog, type Log } from '../logging/log.js';
import { NestLog } from '../logging/nest-log.js';
import { RequestIdentification, rewriteTenantPath } from '../tenant/identification/request-identification.js';
import type { AppDefinition } from './app-definition.js';
import { answerClientError } from '../http/client-errors.js';
import { drainRequests } from './drain-requests.js';
import { setUpApiDocs } from './openapi.js';
import { ServerModule } from './server.module.js';
import { problem } from '../http/problem.js';
import { ProblemFilter, sendProblem } from '../http/problem.filter.js';
import { logRequests, requestId } from './request-log.js';
import { validationPipe } from '../http/validation.pipe.js';

const BODY_LIMIT_BYTES = 1024 * 1024;

/** The whole application, initialised and not yet listening. */
export async function createApp(
  loaded: LoadedConfig,
  { schema, compose }: AppDefinition,
  log: Log = createLog(loaded.config),
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    rewriteUrl: rewriteTenantPath,
    genReqId: requestId,
    requestIdHeader: false, // `genReqId` looks at it first
    forceCloseConnections: 'idle',
    return503OnClosing: false, // `drainRequests` does that, with a problem that callers can read
    clientErrorHandler: answerClientError,
    // What Fastify refuses before there is a route: an address that cannot be decoded, or that is too long.
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply, error, problem('BAD_REQUEST', 'the address cannot be read')),
  });
  const root = ServerModule.around(await compose(loaded, schema));
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: new NestLog(log),
    abortOnError: false,
  });
  try {
    app.useGlobalPipes(validationPipe);
    app.useGlobalFilters(new ProblemFilter());
    logRequests(adapter.getInstance(), log);
    drainRequests(adapter.getInstance(), app.get(Drain));
    app.get(RequestIdentification).register(adapter.getInstance());
    if (loaded.config.features.apiDocs) setUpApiDocs(app);
    return await app.init();
  } catch (error) {
    await app.close();
    throw error;
  }
}
