import { Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { InstanceList } from './instance-list.js';
import { instanceView, type InstanceView } from './instances.schemas.js';

@ControlPlaneController('admin/v1/instances')
export class InstancesController {
  constructor(private readonly instances: InstanceList) {}

  @Get()
  @ApiOperation({ summary: 'List the instances, with the connections that servers lend to each' })
  @ApiOkResponse(responseSchema(z.array(instanceView)))
  list(): Promise<readonly InstanceView[]> {
    return this.instances.list();
  }
}
