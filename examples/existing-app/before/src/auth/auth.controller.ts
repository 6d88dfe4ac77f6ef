import { Body, Controller, Get, HttpCode, Post, Req, UnauthorizedException, UseGuards } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { Membership } from '../users/membership.entity';
import { isPassword } from '../users/passwords';
import { UsersService } from '../users/users.service';
import { JwtAuthGuard } from './jwt-auth.guard';
import { SignedInUser } from './jwt.strategy';

@Controller('auth')
export class AuthController {
  constructor(
    private readonly users: UsersService,
    private readonly jwt: JwtService,
  ) {}

  @Post('login')
  @HttpCode(200)
  async login(@Body() body: { email: string; password: string }): Promise<{ token: string }> {
    const user = await this.users.findByEmail(body.email);
    if (!user || !isPassword(body.password, user.passwordHash)) throw new UnauthorizedException();
    return { token: await this.jwt.signAsync({ sub: user.id, email: user.email }) };
  }

  @UseGuards(JwtAuthGuard)
  @Get('memberships')
  memberships(@Req() request: { user: SignedInUser }): Promise<Membership[]> {
    return this.users.membershipsOf(request.user.id);
  }
}
