import { Get, HttpStatus, Param, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { responseSchema } from '../../http/input/documented-schema.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { driverError } from '../../platform/postgres/driver-error.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { TenantAvailability } from '../../tenant/admission/tenant-availability.js';
import { TenantConnectionService } from '../../tenant/context/tenant-connection.service.js';
import { TenantLookup } from '../../tenant/directory/tenant-lookup.js';

const tenantHealth = z
  .object({
    slug: z.string(),
    status: z.string(),
    isolation: z.string(),
    database: z.enum(['up', 'down', 'none', 'not-served']),
    reason: z.string().optional().describe('error code, when the database is down or the tenant is not served'),
    responseMs: z.number().optional(),
  })
  .meta({
    id: 'TenantHealth',
    example: { slug: 'acme', status: 'active', isolation: 'row', database: 'up', responseMs: 2 },
  });
type TenantHealth = z.infer<typeof tenantHealth>;

@ControlPlaneController('admin/v1/tenants', { reach: 'tenant' })
export class TenantHealthController {
  constructor(
    private readonly lookup: TenantLookup,
    private readonly connections: TenantConnectionService,
    private readonly availability: TenantAvailability,
  ) {}

  @Get(':slug/health')
  @ApiOperation({ summary: "Check one tenant's database; 503 when it does not respond" })
  @ApiOkResponse(responseSchema(tenantHealth))
  async health(@Param('slug') slug: string, @Res({ passthrough: true }) response: HttpResponse): Promise<TenantHealth> {
    const tenant = await this.lookup.bySlug(slug);
    if (!tenant) throw new NotFoundError('tenant', slug);
    const { status, isolation } = tenant;
    if (tenant.targetId === null) return { slug, status, isolation, database: 'none' };
    const rejection = this.availability.rejectionOf(tenant);
    if (rejection) return { slug, status, isolation, database: 'not-served', reason: codeOf(rejection) };
    const startedAt = performance.now();
    try {
      await (await this.connections.dataSource(tenant)).query('SELECT 1');
      return { slug, status, isolation, database: 'up', responseMs: Math.round(performance.now() - startedAt) };
    } catch (error) {
      void response.status(HttpStatus.SERVICE_UNAVAILABLE);
      return { slug, status, isolation, database: 'down', reason: codeOf(error) };
    }
  }
}

function codeOf(error: unknown): string {
  return (driverError(error) as { code?: string }).code ?? 'unknown';
}
