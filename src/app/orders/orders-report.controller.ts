import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CodedError, ControlPlane, TenantConnectionService } from '../../index.js';
import { responseSchema } from '../../rest.js';
import { type OrdersReport, ordersReport, type OrdersRow } from './orders-report.schema.js';

const ORDERS = `
  SELECT currency, count(*)::int AS orders, sum(total)::float8 AS revenue
  FROM orders WHERE status IN ('paid', 'shipped') GROUP BY currency ORDER BY currency`;

/** An operators' report over all tenants. */
@ApiTags('reports')
@ControlPlane()
@Controller('admin/v1/reports')
export class OrdersReportController {
  constructor(private readonly connections: TenantConnectionService) {}

  @Get('orders')
  @ApiOperation({ summary: 'Paid orders and revenue of each tenant, by currency; the call is in the audit log' })
  @ApiOkResponse(responseSchema(ordersReport))
  async orders(): Promise<OrdersReport> {
    const { results } = await this.connections.acrossTenants<OrdersRow>({}, ORDERS, { reason: 'orders report' });
    const items = results.map((result) => ({
      tenant: result.tenant.slug,
      ...(result.status === 'done' ? { totals: [...result.rows] } : { totals: [], error: codeOf(result.error) }),
    }));
    return { items: items.toSorted((a, b) => a.tenant.localeCompare(b.tenant)) };
  }
}

function codeOf(error: unknown): string {
  return error instanceof CodedError ? error.code : 'INTERNAL_ERROR';
}
