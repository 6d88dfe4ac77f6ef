import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { LoadedConfig } from '../platform/config/load-config.js';
import { Drain } from './drain.js';
import { createLog, type Log } from '../logging/log.js';
import { NestLog } from '../logging/nest-log.js';
import type { WorkerReports } from '../metrics/workers/worker-reports.js';
import { RouteAccess } from '../tenant/access/route-access.js';
import { TenantContext } from '../tenant/context/tenant-context.js';
import { RequestIdentification } from '../tenant/identification/request-identification.js';
import { rewriteTenantPath } from '../tenant/identification/selectors.js';
import { addCacheHeaders } from './cache-headers.js';
import { answerClientError } from '../http/problems/client-errors.js';
import { closeAfterUnreadBody } from './close-after-unread-body.js';
import { drainRequests } from './drain-requests.js';
import { identifyEarly } from './identify-early.js';
import { setUpApiDocs } from './openapi.js';
import { publishAccess } from './published-access.js';
import { KEEP_AMBIGUITIES, refuseAmbiguousRequests } from './refuse-ambiguous-requests.js';
import { refuseBeforeBody } from './refuse-before-body.js';
import { type RootModule, ServerModule } from './server.module.js';
import { parseJsonBodies } from '../http/input/json-body.js';
import { problem } from '../http/problems/problem.js';
import { ProblemFilter, sendProblem } from '../http/problems/problem.filter.js';
import { logRequests, requestId } from './request-log.js';
import { validationPipe } from './validation.pipe.js';

const BODY_LIMIT_BYTES = 1024 * 1024;
/** How often requests that have not arrived completely are compared with their deadline. */
const DEADLINE_CHECK_MS = 500;

interface AppOptions {
  readonly log?: Log;
  readonly workerReports?: WorkerReports | undefined;
}

/** Creates the application, initialised but not yet listening. */
export async function createApp(
  loaded: LoadedConfig,
  root: RootModule,
  { log = createLog(loaded.config), workerReports }: AppOptions = {},
): Promise<NestFastifyApplication> {
  const { requestTimeoutMs, trustedProxies } = loaded.config.http;
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    http: {
      ...KEEP_AMBIGUITIES,
      connectionsCheckingInterval: DEADLINE_CHECK_MS,
      headersTimeout: requestTimeoutMs, // Node swaps the two when this one, by default 60 s, is longer
      requestTimeout: requestTimeoutMs,
    },
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    requestTimeout: requestTimeoutMs, // Fastify overrides Node's
    rewriteUrl: rewriteTenantPath,
    genReqId: requestId,
    requestIdHeader: false, // read by `genReqId`, which validates it
    forceCloseConnections: 'idle',
    return503OnClosing: false, // `drainRequests` does that, with problem details
    clientErrorHandler: answerClientError,
    // Errors before routing: a URL that cannot be decoded or is too long.
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply, error, problem('BAD_REQUEST', 'the request URL is not valid')),
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    await ServerModule.around(root, loaded, workerReports),
    adapter,
    {
      logger: new NestLog(log),
      abortOnError: false,
    },
  );
  try {
    app.useGlobalPipes(validationPipe);
    app.useGlobalFilters(new ProblemFilter());
    parseJsonBodies(adapter, BODY_LIMIT_BYTES);
    addCacheHeaders(adapter.getInstance());
    closeAfterUnreadBody(adapter.getInstance());
    logRequests(adapter.getInstance(), log);
    drainRequests(adapter.getInstance(), app.get(Drain));
    refuseAmbiguousRequests(adapter.getInstance());
    identifyEarly(adapter.getInstance(), app.get(RequestIdentification), app.get(TenantContext));
    publishAccess(app.get(RouteAccess));
    refuseBeforeBody(adapter.getInstance());
    if (loaded.config.features.apiDocs) setUpApiDocs(app);
    return await app.init();
  } catch (error) {
    await app.close();
    throw error;
  }
}
