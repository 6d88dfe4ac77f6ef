import { Controller, Delete, Get, Headers, HttpCode, Ip, Post } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { Public } from '../../index.js';
import { ApiProblem, responseSchema, ValidBody } from '../../rest.js';
import {
  type MembershipList,
  membershipList,
  newSession,
  type NewSession,
  sessionView,
  type SessionView,
} from './account.schemas.js';
import { MembershipsService } from './memberships.service.js';
import { SessionsService } from './sessions.service.js';

/** What users do before a tenant is known, and so no tenant's route: each reads the session itself. */
@ApiTags('accounts')
@Public()
@Controller('api/v1')
export class AccountsController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly memberships: MembershipsService,
  ) {}

  @Post('sessions')
  @ApiOperation({ summary: 'Sign in: the token is the credential of further requests, with X-Tenant-ID' })
  @ApiCreatedResponse(responseSchema(sessionView))
  @ApiProblem('VALIDATION_FAILED')
  async signIn(@ValidBody(newSession) signIn: NewSession, @Ip() address: string): Promise<SessionView> {
    const { token, expiresAt } = await this.sessions.create({ ...signIn, address });
    return { token, expiresAt: expiresAt.toISOString() };
  }

  @Delete('sessions/current')
  @HttpCode(204)
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Sign out' })
  @ApiNoContentResponse()
  async signOut(@Headers('authorization') authorization: string | undefined): Promise<void> {
    await this.sessions.end(authorization);
  }

  @Get('memberships')
  @ApiBearerAuth()
  @ApiOperation({ summary: 'List the tenants that the signed-in user may choose from' })
  @ApiOkResponse(responseSchema(membershipList))
  async list(@Headers('authorization') authorization: string | undefined): Promise<MembershipList> {
    const memberships = await this.memberships.of(await this.sessions.userOf(authorization));
    return { items: memberships.map(({ tenant: { slug, status }, role }) => ({ tenant: slug, role, status })) };
  }
}
