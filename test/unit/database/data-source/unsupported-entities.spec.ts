import { describe, expect, it } from '@jest/globals';
import {
  BaseEntity,
  ChildEntity,
  Column,
  Entity,
  EntitySchema,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  ViewColumn,
  ViewEntity,
} from 'typeorm';
import { TemplateDataSource } from '../../../../src/database/data-source/template-data-source.js';
import { UnsupportedEntityError } from '../../../../src/database/data-source/unsupported-entities.js';
import type { TenantSchema } from '../../../../src/database/table-migrations/tenant-schema/tenant-schema.js';

/** Why the entities are rejected; empty when they are accepted. */
async function reasons(...entities: TenantSchema['entities'][number][]): Promise<readonly string[]> {
  try {
    await TemplateDataSource.build({ entities, migrations: [] });
    return [];
  } catch (error) {
    if (!(error instanceof UnsupportedEntityError)) throw error;
    expect(error.code).toBe('UNSUPPORTED_ENTITY');
    for (const reason of error.reasons) expect(error.message).toContain(reason);
    return error.reasons;
  }
}

@Entity()
class Plain {
  @PrimaryColumn('int')
  id: number;
}

describe('the check of entities for a shared metadata graph', () => {
  it('accepts plain entities', async () => {
    expect(await reasons(Plain)).toEqual([]);
  });

  it('rejects all active records in one error', async () => {
    @Entity()
    class Active extends BaseEntity {
      @PrimaryColumn('int')
      id: number;
    }
    @Entity()
    class Lively extends Active {}
    expect(await reasons(Plain, Active, Lively)).toEqual([
      'Active extends BaseEntity (use a repository)',
      'Lively extends BaseEntity (use a repository)',
    ]);
  });

  it('rejects an active record behind an entity schema', async () => {
    class Hidden extends BaseEntity {
      id: number;
    }
    const schema = new EntitySchema({
      name: 'hidden',
      target: Hidden,
      columns: { id: { type: 'int', primary: true } },
    });
    expect(await reasons(schema)).toEqual(['Hidden extends BaseEntity (use a repository)']);
  });

  it('rejects a lazy relation, declared by option or by type', async () => {
    @Entity()
    class Lazy {
      @PrimaryColumn('int')
      id: number;

      @ManyToOne(() => Plain, { lazy: true })
      optional: Promise<Plain>;

      @ManyToOne(() => Plain)
      typed: Promise<Plain>;
    }
    expect(await reasons(Plain, Lazy)).toEqual([
      'Lazy.optional is a lazy relation (load it with `relations`)',
      'Lazy.typed is a lazy relation (load it with `relations`)',
    ]);
  });

  it('rejects a lazy relation inside an embedded entity, a child entity and a tree', async () => {
    class Inner {
      @ManyToOne(() => Plain, { lazy: true })
      plain: Promise<Plain>;
    }
    @Entity()
    class Outer {
      @PrimaryColumn('int')
      id: number;

      @Column(() => Inner)
      inner: Inner;
    }
    @Entity()
    @TableInheritance({ column: { type: 'varchar', name: 'type' } })
    class Parent {
      @PrimaryColumn('int')
      id: number;
    }
    @ChildEntity()
    class Child extends Parent {
      @ManyToOne(() => Plain, { lazy: true })
      plain: Promise<Plain>;
    }
    @Entity()
    @Tree('closure-table')
    class Node {
      @PrimaryColumn('int')
      id: number;

      @TreeParent()
      parent: Node;

      @TreeChildren()
      children: Promise<Node[]>;
    }
    const found = await reasons(Plain, Outer, Parent, Child, Node);
    expect(found).toEqual(expect.arrayContaining(['Outer.inner.plain', 'Child.plain', 'Node.children'].map(lazy)));
  });

  it('rejects a lazy relation of an entity schema', async () => {
    const columns = { id: { type: 'int', primary: true } } as const;
    const target = new EntitySchema<Plain>({ name: 'target', columns });
    const schema = new EntitySchema<{ id: number; plain: Promise<Plain> }>({
      name: 'described',
      columns,
      relations: { plain: { type: 'many-to-one', target: 'target', lazy: true } },
    });
    expect(await reasons(target, schema)).toEqual([lazy('described.plain')]);
  });

  it('rejects a fixed schema or database, also of a junction table or inside a table name', async () => {
    @Entity({ schema: 'one' })
    class Placed {
      @PrimaryColumn('int')
      id: number;
    }
    @Entity({ database: 'two' })
    class Stored {
      @PrimaryColumn('int')
      id: number;
    }
    @Entity('three.dotted')
    class Dotted {
      @PrimaryColumn('int')
      id: number;
    }
    @Entity()
    class Joined {
      @PrimaryColumn('int')
      id: number;

      @ManyToMany(() => Plain)
      @JoinTable({ name: 'joined_plain', schema: 'four' })
      plains: Plain[];
    }
    expect(await reasons(Plain, Placed, Stored, Dotted, Joined)).toEqual([
      'Placed fixes the schema "one"',
      'Stored fixes the database "two"',
      'Dotted fixes a schema in its table name "three.dotted"',
      'joined_plain fixes the schema "four"',
    ]);
  });

  it('rejects a materialized view, and accepts a plain one', async () => {
    @ViewEntity({ name: 'copy', materialized: true, expression: 'SELECT 1 AS id' })
    class Copy {
      @ViewColumn()
      id: number;
    }
    @ViewEntity({ name: 'look', expression: 'SELECT 1 AS id' })
    class Look {
      @ViewColumn()
      id: number;
    }
    expect(await reasons(Look)).toEqual([]);
    expect(await reasons(Copy)).toEqual(['Copy is a materialized view, which row-level security does not protect']);
  });

  it('reports all problems in one error', async () => {
    @Entity({ schema: 'one' })
    class Wrong {
      @PrimaryColumn('int')
      id: number;

      @OneToMany(() => Other, (other) => other.wrong)
      others: Promise<unknown[]>;
    }
    @Entity()
    class Other {
      @PrimaryColumn('int')
      id: number;

      @ManyToOne(() => Wrong)
      wrong: Promise<Wrong>;
    }
    expect(await reasons(Wrong, Other)).toEqual([
      lazy('Wrong.others'),
      'Wrong fixes the schema "one"',
      lazy('Other.wrong'),
    ]);
  });
});

function lazy(path: string): string {
  return `${path} is a lazy relation (load it with \`relations\`)`;
}
