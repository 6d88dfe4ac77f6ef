import { Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { ServerConnections } from './server-connections.js';
import { serverConnectionsView, type ServerConnectionsView } from './server-connections.schemas.js';

/** Not below `servers/`, where any name may be a server's. */
@ControlPlaneController('admin/v1/connections')
export class ServerConnectionsController {
  constructor(private readonly connections: ServerConnections) {}

  @Get()
  @ApiOperation({ summary: 'Count the connections of each server, and those of the responding instance' })
  @ApiOkResponse(responseSchema(z.array(serverConnectionsView)))
  list(): Promise<readonly ServerConnectionsView[]> {
    return this.connections.list();
  }
}
