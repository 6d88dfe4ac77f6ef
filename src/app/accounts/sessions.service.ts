import { Injectable, UnauthorizedException } from '@nestjs/common';
import { LessThanOrEqual, MoreThan, type Repository } from 'typeorm';
import { InjectCentralRepository, UnauthenticatedError } from '../../index.js';
import { Passwords } from './passwords.js';
import { Session } from './session.entity.js';
import { hashOfToken, newSessionToken, tokenHashOf } from './session-tokens.js';
import { SignInAttempts } from './sign-in-attempts.js';
import { User } from './user.entity.js';

const LIFETIME_MS = 12 * 3_600_000;

/** A user who has signed in, with the memberships. */
export type SignedInUser = Pick<User, 'id' | 'email' | 'memberships'>;

interface SignIn {
  readonly email: string;
  readonly password: string;
  /** The client's. */
  readonly address: string;
}

/** Sign-ins of users. All of it is in central tables: no tenant is known yet. */
@Injectable()
export class SessionsService {
  constructor(
    @InjectCentralRepository(User) private readonly users: Repository<User>,
    @InjectCentralRepository(Session) private readonly sessions: Repository<Session>,
    private readonly passwords: Passwords,
    private readonly attempts: SignInAttempts,
  ) {}

  /** @throws UnauthorizedException, the same for an unknown email and a wrong password; HttpException 429 */
  async create({ email, password, address }: SignIn): Promise<{ token: string; expiresAt: Date }> {
    const succeeded = this.attempts.begin(address, email);
    const user = await this.users.findOneBy({ email });
    const isSame = await this.passwords.isSame(password, user?.passwordHash);
    if (!user || !isSame) throw new UnauthorizedException('unknown email or wrong password');
    succeeded();
    const token = newSessionToken();
    const expiresAt = new Date(Date.now() + LIFETIME_MS);
    await this.sessions.delete({ userId: user.id, expiresAt: LessThanOrEqual(new Date()) });
    await this.sessions.insert({ tokenHash: hashOfToken(token), userId: user.id, expiresAt });
    return { token, expiresAt };
  }

  /** @throws UnauthenticatedError without a session, and for one that has expired or ended */
  async userOf(authorization: string | undefined): Promise<SignedInUser> {
    const tokenHash = tokenHashOf(authorization);
    const [session] =
      tokenHash === undefined
        ? []
        : await this.sessions.find({
            where: { tokenHash, expiresAt: MoreThan(new Date()) },
            relations: { user: { memberships: true } },
          });
    if (!session) throw new UnauthenticatedError('unknown or expired session');
    return session.user;
  }

  /** @throws UnauthenticatedError */
  async end(authorization: string | undefined): Promise<void> {
    const tokenHash = tokenHashOf(authorization);
    const { affected = 0 } = tokenHash === undefined ? {} : await this.sessions.delete({ tokenHash });
    if (affected === 0) throw new UnauthenticatedError('unknown session');
  }
}
