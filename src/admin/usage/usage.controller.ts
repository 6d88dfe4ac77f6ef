import { Get, Headers, type MessageEvent, Res, Sse } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces } from '@nestjs/swagger';
import type { Observable } from 'rxjs';
import type { Operator } from '../../catalog/model/operator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import type { Page } from '../../http/input/page.js';
import { ValidQuery } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { ValidationFailedError } from '../../platform/errors/request.errors.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { CurrentOperator } from '../current-operator.decorator.js';
import { usageCsv } from './usage-csv.js';
import { positionOf, UsageEvents } from './usage-events.js';
import { UsageRecords } from './usage-records.js';
import {
  currentUsageView,
  type CurrentUsageView,
  usageFilter,
  type UsageFilter,
  usagePage,
  usageTotalsFilter,
  type UsageTotalsFilter,
  usageTotalsView,
  type UsageTotalsView,
  type UsageView,
} from './usage.schemas.js';

/** Buffer limit per event stream, in characters, for followers that read slowly. */
const MAX_PENDING_LENGTH = 256 * 1024;

@ControlPlaneController('admin/v1/usage', { reach: 'filtered' })
export class UsageController {
  constructor(
    private readonly records: UsageRecords,
    private readonly events: UsageEvents,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'List what tenants have used, oldest first; as CSV the next cursor is in the header X-Next-Cursor',
  })
  @ApiProduces('application/json', 'text/csv')
  @ApiOkResponse(responseSchema(usagePage))
  @ApiProblem('VALIDATION_FAILED')
  async list(
    @CurrentOperator() { limitedTo }: Operator,
    @ValidQuery(usageFilter) filter: UsageFilter,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<Page<UsageView> | string> {
    const page = await this.records.list(filter, limitedTo);
    const format = filter.format ?? (accept?.startsWith('text/csv') ? 'csv' : 'json');
    if (format === 'json') return page;
    response.type('text/csv; charset=utf-8');
    if (page.nextCursor !== null) response.header('x-next-cursor', page.nextCursor);
    return usageCsv(page.items);
  }

  @Get('totals')
  @ApiOperation({ summary: 'Sum up what all tenants have used, by hour, day or month, at most 1,000 of them' })
  @ApiOkResponse(responseSchema(usageTotalsView))
  @ApiProblem('VALIDATION_FAILED')
  totals(
    @CurrentOperator() { limitedTo }: Operator,
    @ValidQuery(usageTotalsFilter) filter: UsageTotalsFilter,
  ): Promise<UsageTotalsView> {
    return this.records.totals(filter, limitedTo);
  }

  @Get('now')
  @ApiOperation({ summary: 'The busiest tenants in the last minute, and the sums of all, over all instances' })
  @ApiOkResponse(responseSchema(currentUsageView))
  now(@CurrentOperator() { limitedTo }: Operator): Promise<CurrentUsageView> {
    return this.records.now(limitedTo);
  }

  @Sse('events', { maxPendingDataLength: MAX_PENDING_LENGTH })
  @ApiOperation({
    summary:
      'Stream finished hours: a `usage` event per tenant and hour, once; `Last-Event-ID` resumes after that event',
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'Server-sent events; the data of each event is a usage of an hour', type: String })
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('TOO_MANY_FOLLOWERS')
  follow(
    @CurrentOperator() operator: Operator,
    @Headers('last-event-id') lastEventId: string | undefined,
  ): Observable<MessageEvent> {
    const after = lastEventId === undefined || lastEventId === '' ? undefined : positionOf(lastEventId);
    if (lastEventId && !after) {
      throw new ValidationFailedError([
        { field: 'Last-Event-ID', message: 'must be the id of an event of this stream' },
      ]);
    }
    return this.events.follow(after, operator);
  }
}
