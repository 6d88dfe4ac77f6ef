import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { observeResponses } from '../../http/requests/observe-responses.js';
import { requestState } from '../../http/requests/request-state.js';
import { UsageCounter } from './usage-counter.js';

const SERVER_ERROR = 500;

/** Counts the requests of tenants when they have been answered, over Express and Fastify. */
@Injectable()
export class CountedResponses {
  constructor(counter: UsageCounter, adapterHost: HttpAdapterHost) {
    if (!counter.isEnabled) return;
    // As soon as there is a server: Express runs what is added later only for requests that no route has answered.
    adapterHost.init$.subscribe(() => {
      observeResponses(adapterHost.httpAdapter, (request, _route, status, seconds) => {
        const state = requestState(request);
        if (!state?.caller.tenant || state.caller.kind !== 'tenant') return;
        if ((state.caller.principal as { impersonatedBy?: string } | undefined)?.impersonatedBy !== undefined) return; // an operator's work is on no bill
        const work = { kind: 'requests', failed: status >= SERVER_ERROR, durationMs: seconds * 1000 } as const;
        counter.record(state.caller.tenant.id, work, state.usage);
      });
    });
  }
}
