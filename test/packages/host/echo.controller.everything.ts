import { Controller, Post } from '@nestjs/common';
import { ApiProblem, ValidBody } from 'tenantry/rest';
import { z } from 'zod';

const message = z.strictObject({ text: z.string().min(1) });

/** Uses what `tenantry/rest` offers to a host's own controllers. */
@Controller('echo')
export class EchoController {
  @Post()
  @ApiProblem('VALIDATION_FAILED')
  echo(@ValidBody(message) body: z.infer<typeof message>): { text: string } {
    return body;
  }
}
