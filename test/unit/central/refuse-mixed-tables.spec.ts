import { describe, expect, it } from '@jest/globals';
import { Column, Entity, EntitySchema, ManyToOne, OneToMany, PrimaryColumn } from 'typeorm';
import { refuseMixedTables } from '../../../src/central/refuse-mixed-tables.js';
import type { CentralTables } from '../../../src/central/central-tables.js';
import { migration } from '../../support/tables/migration-fixture.js';

@Entity()
class User {
  @PrimaryColumn('int') id: number;
  @OneToMany(() => Membership, 'user') memberships: unknown;
}

@Entity()
class Membership {
  @PrimaryColumn('int') id: number;
  @ManyToOne(() => User, 'memberships') user: User;
}

@Entity()
class Order {
  @PrimaryColumn('int') id: number;
  @Column('int') userId: number;
}

class Owned {
  @ManyToOne(() => User) owner: User;
}

@Entity()
class Invoice extends Owned {
  @PrimaryColumn('int') id: number;
}

class Address {
  @ManyToOne('Order') order: unknown;
}

@Entity()
class Plan {
  @PrimaryColumn('int') id: number;
  @Column(() => Address) address: Address;
}

const ROLES = new EntitySchema<{ id: number; order: unknown }>({
  name: 'Role',
  columns: { id: { type: 'int', primary: true } },
  relations: { order: { type: 'many-to-one', target: 'Order' } },
});
const MIGRATION = migration('Tables1764000000000', 'SELECT 1');

function refuse(tenants: CentralTables['entities'], central: CentralTables['entities']): () => void {
  return () => refuseMixedTables({ entities: tenants, migrations: [] }, { entities: central, migrations: [] });
}

describe('tables of both kinds', () => {
  it('are accepted when they only keep ids of each other', () => {
    expect(refuse([Order], [User, Membership])).not.toThrow();
  });

  it('have no entity and no migration in common', () => {
    expect(refuse([Order, User], [User])).toThrow(/the entity User is given to forFeature and to forCentral/);
    const mixed = () =>
      refuseMixedTables({ entities: [], migrations: [MIGRATION] }, { entities: [], migrations: [MIGRATION] });
    expect(mixed).toThrow(/the migration Tables1764000000000 is given to forFeature and to forCentral/);
  });

  it("have no relation from a tenant's entity to a central one, in a class that it extends neither", () => {
    expect(refuse([Membership], [User])).toThrow(/Membership\.user relates to User, a central entity/);
    expect(refuse([Invoice], [User])).toThrow(/Invoice\.owner relates to User, a central entity/);
  });

  it("have no relation from a central entity to a tenant's, in an embedded object, a schema or by name neither", () => {
    expect(refuse([Membership], [User])).toThrow(/User\.memberships relates to Membership, an entity of tenants/);
    expect(refuse([Order], [Plan])).toThrow(/Plan\.address\.order relates to Order, an entity of tenants/);
    expect(refuse([Order], [ROLES])).toThrow(/Role\.order relates to Order, an entity of tenants/);
  });
});
