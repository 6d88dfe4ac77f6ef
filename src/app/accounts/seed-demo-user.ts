import type { DataSource } from 'typeorm';
import type { Tenant } from '../../index.js';
import { DEMO_USER } from './account.schemas.js';
import { Membership } from './membership.entity.js';
import { Passwords } from './passwords.js';
import { User } from './user.entity.js';

/** One user, who is an admin of a tenant and a member of another one. Can be repeated. */
const ROLES: Readonly<Record<string, Membership['role']>> = { acme: 'admin', globex: 'member' };

export async function seedDemoUser(central: DataSource, tenants: readonly Tenant[]): Promise<void> {
  const { email, password } = DEMO_USER;
  await central.transaction(async (manager) => {
    const known = await manager.findOneBy(User, { email });
    const user = known ?? (await manager.save(User, { email, passwordHash: await new Passwords().hash(password) }));
    const memberships = tenants.flatMap(({ id, slug }) => {
      const role = ROLES[slug];
      return role === undefined ? [] : [{ userId: user.id, tenantId: id, role }];
    });
    await manager.upsert(Membership, memberships, ['userId', 'tenantId']);
  });
}
