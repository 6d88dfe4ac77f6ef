import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Membership, Role } from './membership.entity';
import { hashPassword } from './passwords';
import { User } from './user.entity';

@Injectable()
export class UsersService {
  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    @InjectRepository(Membership)
    private readonly memberships: Repository<Membership>,
  ) {}

  async create(email: string, password: string, roles: Record<string, Role>): Promise<User> {
    const user = await this.users.save({ email, passwordHash: hashPassword(password) });
    const memberships = Object.entries(roles).map(([company, role]) => ({ userId: user.id, company, role }));
    await this.memberships.insert(memberships);
    return user;
  }

  findByEmail(email: string): Promise<User | null> {
    return this.users.findOneBy({ email });
  }

  membershipsOf(userId: string): Promise<Membership[]> {
    return this.memberships.find({ where: { userId }, order: { company: 'ASC' } });
  }
}
