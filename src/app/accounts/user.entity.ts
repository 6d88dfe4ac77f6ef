import { Column, Entity, OneToMany, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { Membership } from './membership.entity.js';

/** A person who signs in. Belongs to no tenant: memberships say for which ones it may work. */
@Entity('users')
export class User {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  /** Lower case; unique. */
  @Column('text')
  email: string;

  @Column('text', { name: 'password_hash' })
  passwordHash: string;

  @OneToMany(() => Membership, ({ user }) => user)
  memberships: Relation<Membership>[];
}
