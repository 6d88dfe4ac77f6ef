import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { User } from './user.entity.js';

/** That a user may work for a tenant, and as what. The tenant is an id: its row is in the catalog. */
@Entity('memberships')
export class Membership {
  @PrimaryColumn('uuid', { name: 'user_id' })
  userId: string;

  @PrimaryColumn('uuid', { name: 'tenant_id' })
  tenantId: string;

  @Column('text')
  role: 'admin' | 'member';

  @ManyToOne(() => User, ({ memberships }) => memberships)
  @JoinColumn({ name: 'user_id' })
  user: Relation<User>;
}
