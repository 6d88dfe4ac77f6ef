import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { TenantContext } from './tenant-context.js';

const TenantProfile = z
  .object({
    slug: z.string(),
    isolation: z.enum(['row', 'schema', 'database']),
    status: z.string(),
  })
  .meta({ example: { slug: 'acme', isolation: 'row', status: 'active' } });

@ApiTags('tenant')
@ApiBearerAuth()
@Controller('api/v1/tenant')
export class TenantController {
  constructor(private readonly context: TenantContext) {}

  @Get()
  @ApiOperation({ summary: 'Who this credential belongs to' })
  @ApiOkResponse({ schema: z.toJSONSchema(TenantProfile) as object })
  profile(): z.infer<typeof TenantProfile> {
    const { slug, isolation, status } = this.context.current().tenant;
    return { slug, isolation, status };
  }
}
