import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { TenantContext } from '../../index.js';
import { responseSchema } from '../../rest.js';

const tenantProfile = z
  .object({
    slug: z.string(),
    isolation: z.enum(['row', 'schema', 'database']),
    status: z.string(),
  })
  .meta({ id: 'TenantProfile', example: { slug: 'acme', isolation: 'row', status: 'active' } });
type TenantProfile = z.infer<typeof tenantProfile>;

@ApiTags('tenant')
/** The tenant of the caller's credential. */
@Controller('api/v1/tenant')
export class ProfileController {
  constructor(private readonly context: TenantContext) {}

  @Get()
  @ApiOperation({ summary: 'Get the tenant of this credential' })
  @ApiOkResponse(responseSchema(tenantProfile))
  profile(): TenantProfile {
    const { slug, isolation, status } = this.context.current().tenant;
    return { slug, isolation, status };
  }
}
