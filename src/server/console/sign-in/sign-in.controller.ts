import { Controller, Get, Header, HttpCode, Inject, Post, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OperatorSessions } from '../../../admin/operators/operator-sessions.js';
import type { ProviderIdentity } from '../../../admin/operators/provider-identity.js';
import { SignInError } from '../../../admin/operators/sign-in.errors.js';
import { clientAddress } from '../../../http/requests/client-address.js';
import { APP_CONFIG, type AppConfig, type OidcConfig } from '../../../platform/config/app-config.js';
import { Public } from '../../../tenant/access/access.decorators.js';
import type { AttemptOrigin } from '../../../tenant/admin-key/refused-attempts.js';
import { cookieAttributes, sessionCookie, sessionTokenOf } from '../../../tenant/operators/session-cookie.js';
import { IdentityProvider } from './identity-provider.js';
import { RefusalPageFilter } from './refusal-page.filter.js';
import { SignInFlows } from './sign-in-flow.js';
import { SignInRefusals } from './sign-in-refusals.js';

/** Where a sign-in ends. A constant: an address from the request could lead anywhere. */
const CONSOLE = '/console';

/** Signs operators in to the console through the OpenID provider, and out. */
@ApiExcludeController()
@Public()
@Controller('console')
export class SignInController {
  private readonly oidc: OidcConfig;

  constructor(
    @Inject(APP_CONFIG) { security }: AppConfig,
    @Inject(IdentityProvider) private readonly provider: IdentityProvider,
    @Inject(SignInFlows) private readonly flows: SignInFlows,
    @Inject(SignInRefusals) private readonly refusals: SignInRefusals,
    @Inject(OperatorSessions) private readonly sessions: OperatorSessions,
  ) {
    this.oidc = security.oidc!;
  }

  @Get('sign-in')
  @UseFilters(RefusalPageFilter)
  @Header('referrer-policy', 'no-referrer')
  async begin(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { flow, address } = await this.recorded(request, '', async () => this.provider.begin());
    void reply.header('set-cookie', this.flows.store(flow)).redirect(address, 303);
  }

  @Get('sign-in/callback')
  @UseFilters(RefusalPageFilter)
  @Header('referrer-policy', 'no-referrer')
  async finish(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    void reply.header('set-cookie', this.flows.forget());
    const query = request.url.slice(request.url.indexOf('?') + 1 || request.url.length);
    const token = await this.recorded(request, query, async (identified) => {
      const flow = this.flows.find(request.headers.cookie, query);
      const identity = await this.provider.finish(`?${query}`, flow);
      identified(identity);
      return this.sessions.open(identity, this.oidc.sessionMinutes, originOf(request));
    });
    void reply.header('set-cookie', this.cookie(token, this.oidc.sessionMinutes * 60)).redirect(CONSOLE, 303);
  }

  /** Also where the session has ended already: what counts is that none is left. */
  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const token = sessionTokenOf(request, this.oidc);
    if (token === undefined) return;
    await this.sessions.end(token, originOf(request));
    void reply.header('set-cookie', this.cookie('', 0));
  }

  /** @param attempt what the caller has sent */
  private async recorded<T>(
    request: FastifyRequest,
    attempt: string,
    work: (identified: (identity: ProviderIdentity) => void) => Promise<T>,
  ): Promise<T> {
    let identity: ProviderIdentity | undefined;
    try {
      this.refusals.requireOpen(originOf(request));
      return await work((found) => (identity = found));
    } catch (error) {
      if (error instanceof SignInError) this.refusals.record(error, originOf(request), attempt, identity);
      throw error;
    }
  }

  private cookie(token: string, maxAgeSeconds: number): string {
    return `${sessionCookie(this.oidc)}=${token}; ${cookieAttributes(this.oidc.publicOrigin, 'Strict', maxAgeSeconds)}`;
  }
}

function originOf(request: FastifyRequest): AttemptOrigin {
  return { address: clientAddress(request), requestId: request.id };
}
