import { Injectable, Module } from '@nestjs/common';
import { Column, Entity, PrimaryColumn, type Repository } from 'typeorm';
import { InjectCentralRepository, TenantryModule } from '../../../src/index.js';
import { migration } from '../tables/migration-fixture.js';

@Entity('users')
export class User {
  @PrimaryColumn('int') id: number;
  @Column('text') email: string;
}

const CREATE_USERS = migration(
  'CreateUsers1764200000000',
  'CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE)',
);

@Injectable()
export class Accounts {
  constructor(@InjectCentralRepository(User) readonly users: Repository<User>) {}
}

/** A domain of a host application with central tables. */
@Module({
  imports: [TenantryModule.forCentral({ entities: [User], migrations: [CREATE_USERS] })],
  providers: [Accounts],
})
export class AccountsModule {}
