import { Delete, Get, HttpCode, Inject, Param, Patch, Post, Res, UseInterceptors } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ValidBody, ValidQuery } from '../../http/input/valid.decorators.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { Operator } from '../../catalog/model/operator.js';
import { HandlerRefusalsInterceptor } from '../../tenant/access/operators/handler-refusals.interceptor.js';
import { OperatorRights } from '../../tenant/operators/route-rights.js';
import { CurrentOperator } from '../current-operator.decorator.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { ApiIdempotent, IdempotencyKey } from '../idempotency/idempotency-key.decorator.js';
import { withReplayHeader } from '../idempotency/replay-header.js';
import { setOperationLocation } from '../operations/operation-location.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { operationView, type OperationView, toOperationView } from '../operations/operation.schemas.js';
import { slugOrId } from '../../http/input/slug-or-id.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import {
  createdTenantView,
  type CreatedTenantView,
  deletion,
  type Deletion,
  newTenant,
  type NewTenant,
  newTenants,
  type NewTenants,
  tenantChange,
  type TenantChange,
  tenantFilter,
  type TenantFilter,
  tenantPage,
  type TenantPage,
  tenantView,
  type TenantView,
} from './tenant.schemas.js';
import { BulkCreation } from './bulk-creation.js';
import { TenantLifecycle } from './tenant-lifecycle.js';
import { TenantRecords } from './tenant-records.js';
import { BULK_PATH, TENANTS_PATH } from './tenants-path.js';
import { Tenants } from './tenants.js';

@ControlPlaneController(TENANTS_PATH, { reach: 'tenant' })
export class TenantsController {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly tenants: Tenants,
    private readonly bulkCreation: BulkCreation,
    private readonly records: TenantRecords,
    private readonly lifecycle: TenantLifecycle,
    private readonly idempotency: Idempotency,
    private readonly runner: OperationRunner,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List tenants, ordered by slug' })
  @ApiOkResponse(responseSchema(tenantPage))
  @OperatorRights({ reach: 'filtered' })
  @ApiProblem('VALIDATION_FAILED')
  list(
    @CurrentOperator() { limitedTo }: Operator,
    @ValidQuery(tenantFilter) filter: TenantFilter,
  ): Promise<TenantPage> {
    return this.records.list(filter, limitedTo);
  }

  @Post()
  @OperatorRights({ reach: 'installation' })
  @HttpCode(202)
  @ApiOperation({
    summary: 'Create a tenant. It is served once the operation in the Location header has succeeded',
    description:
      'A tenant that was provisioned ahead (`SPARE_TENANTS`) may be served at once: its operation has succeeded already.',
  })
  @ApiAcceptedResponse(responseSchema(createdTenantView))
  @ApiIdempotent(
    'the slug or a domain is already in use, or the server is draining or lacks the labels; `NO_SERVER_WITH_ROOM` where no server, or not the one that is named, has room',
  )
  @ApiProblem('NOT_FOUND', 'no such server or plan')
  async create(
    @CurrentActor() actor: Actor,
    @ValidBody(newTenant) options: NewTenant,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<CreatedTenantView> {
    const request = { key, action: `POST ${TENANTS_PATH}`, body: options };
    const result = await this.idempotency.runDetectingReplay(request, async (catalog): Promise<CreatedTenantView> => {
      const { tenant, operation } = await this.tenants.create(catalog, options, actor);
      return { tenant, operation: toOperationView(operation) };
    });
    this.runner.wake();
    setOperationLocation(response, result.response.operation);
    return withReplayHeader(response, result);
  }

  @Post(BULK_PATH)
  @OperatorRights({ reach: 'installation' })
  @HttpCode(202)
  @ApiOperation({
    summary: 'Create up to 1,000 tenants with one operation: all of them, or none if one cannot be created',
    description:
      'The outcome for each tenant is listed under `GET /admin/v1/operations/{id}/tenants`. Tenants whose provisioning ' +
      'failed have the status `failed`; retrying the operation provisions them.',
  })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiIdempotent('another operation of this kind is in progress')
  async createMany(
    @CurrentActor() actor: Actor,
    @ValidBody(newTenants) body: NewTenants,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    const request = { key, action: `POST ${TENANTS_PATH}/${BULK_PATH}`, body };
    const result = await this.idempotency.runDetectingReplay(request, async (catalog) =>
      toOperationView(await this.bulkCreation.create(catalog, body, actor)),
    );
    this.runner.wake();
    setOperationLocation(response, result.response);
    return withReplayHeader(response, result);
  }

  @Get(':slug')
  @ApiOperation({ summary: 'Read a tenant, by slug or id' })
  @ApiOkResponse(responseSchema(tenantView))
  @ApiProblem('NOT_FOUND', 'no such tenant')
  read(@Param('slug', slugOrId) tenant: string): Promise<TenantView> {
    return this.records.read(tenant);
  }

  @Patch(':slug')
  @UseInterceptors(HandlerRefusalsInterceptor)
  @ApiOperation({
    summary: "Change a tenant's plan, limits, domains and groups; each given field replaces the stored value",
    description: 'Other domains are for operators without limits alone, and other groups for admins.',
  })
  @ApiOkResponse(responseSchema(tenantView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such tenant or plan')
  @ApiProblem('CONFLICT', 'a domain belongs to another tenant')
  change(
    @CurrentActor() actor: Actor,
    @CurrentOperator() operator: Operator,
    @Param('slug', slugOrId) tenant: string,
    @ValidBody(tenantChange) change: TenantChange,
  ): Promise<TenantView> {
    return this.catalog.transaction((catalog) => this.tenants.change(catalog, tenant, change, actor, operator));
  }

  @Delete(':slug')
  @HttpCode(202)
  @ApiOperation({ summary: 'Stop serving a tenant immediately, and delete its data after a grace period' })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such tenant')
  @ApiProblem('CONFLICT', 'another operation on the tenant is in progress')
  async delete(
    @CurrentActor() actor: Actor,
    @Param('slug', slugOrId) tenant: string,
    @ValidQuery(deletion) options: Deletion,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    const operation = await this.lifecycle.delete(tenant, options, actor);
    this.runner.wake();
    setOperationLocation(response, operation);
    return toOperationView(operation);
  }
}
