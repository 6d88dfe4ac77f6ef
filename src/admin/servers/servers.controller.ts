import { Delete, Get, HttpCode, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { IdPipe } from '../../http/input/id.pipe.js';
import { ValidBody } from '../../http/input/valid.decorators.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { setLocation } from '../location.js';
import type { Actor } from '../../catalog/audit/actor.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { ApiIdempotent, IdempotencyKey } from '../idempotency/idempotency-key.decorator.js';
import { withReplayHeader } from '../idempotency/replay-header.js';
import {
  newServer,
  type NewServer,
  serverChange,
  type ServerChange,
  serverView,
  type ServerView,
} from './server.schemas.js';
import { serverName } from '../tenants/tenant.schemas.js';
import { Servers } from './servers.js';

const PATH = 'admin/v1/servers';
const serverNamePipe = new IdPipe('server', (name) => serverName.safeParse(name).success);

@ControlPlaneController(PATH, { write: 'admin' })
export class ServersController {
  constructor(
    private readonly servers: Servers,
    private readonly idempotency: Idempotency,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List the PostgreSQL servers for tenants' })
  @ApiOkResponse(responseSchema(z.array(serverView)))
  list(): Promise<readonly ServerView[]> {
    return this.servers.list();
  }

  @Post()
  @ApiOperation({ summary: 'Validate and register a server' })
  @ApiCreatedResponse(responseSchema(serverView))
  @ApiIdempotent('the name is already in use')
  async register(
    @CurrentActor() actor: Actor,
    @ValidBody(newServer) options: NewServer,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<ServerView> {
    await this.servers.check(options);
    const result = await this.idempotency.runDetectingReplay(
      { key, action: `POST ${PATH}`, body: options },
      (catalog) => this.servers.register(catalog, options, actor),
    );
    setLocation(response, `${PATH}/${result.response.name}`);
    return withReplayHeader(response, result);
  }

  @Get(':name')
  @ApiOperation({ summary: 'Read a server' })
  @ApiOkResponse(responseSchema(serverView))
  @ApiProblem('NOT_FOUND', 'no such server')
  read(@Param('name', serverNamePipe) name: string): Promise<ServerView> {
    return this.servers.read(name);
  }

  @Patch(':name')
  @ApiOperation({ summary: "Validate and change a server's address, owner, limit, capacity or labels" })
  @ApiOkResponse(responseSchema(serverView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such server')
  @ApiProblem('CONFLICT', "it is the catalog's server, whose address and owner are in DATABASE_URL")
  change(
    @CurrentActor() actor: Actor,
    @Param('name', serverNamePipe) name: string,
    @ValidBody(serverChange) change: ServerChange,
  ): Promise<ServerView> {
    return this.servers.change(name, change, actor);
  }

  @Delete(':name')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a drained server without tenants' })
  @ApiNoContentResponse()
  @ApiProblem('NOT_FOUND', 'no such server')
  @ApiProblem('CONFLICT', 'the server has tenants, or is not draining')
  remove(@CurrentActor() actor: Actor, @Param('name', serverNamePipe) name: string): Promise<void> {
    return this.servers.remove(name, actor);
  }

  @Post(':name/drain')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stop placing tenants on a server' })
  @ApiOkResponse(responseSchema(serverView))
  @ApiProblem('NOT_FOUND', 'no such server')
  drain(@CurrentActor() actor: Actor, @Param('name', serverNamePipe) name: string): Promise<ServerView> {
    return this.servers.drain(name, actor);
  }

  @Post(':name/undrain')
  @HttpCode(200)
  @ApiOperation({ summary: 'Place tenants on a server again' })
  @ApiOkResponse(responseSchema(serverView))
  @ApiProblem('NOT_FOUND', 'no such server')
  undrain(@CurrentActor() actor: Actor, @Param('name', serverNamePipe) name: string): Promise<ServerView> {
    return this.servers.undrain(name, actor);
  }
}
