import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { EntityTarget, TreeRepository } from 'typeorm';
import { type TestTenant, TestTenants } from '../../../support/data-source/tenants.js';
import {
  ClosureNode,
  LinkedNode,
  NestedNode,
  PathNode,
  type TreeNode,
} from '../../../support/data-source/tree.entities.js';

let tenants: TestTenants;

beforeAll(async () => {
  tenants = await TestTenants.create();
});
afterEach(async () => {
  await tenants.expectRowsWithTheirOwners();
  await tenants.expectNothingHeld();
  await tenants.empty();
});
afterAll(() => tenants.close());

const KINDS = {
  'closure-table': ClosureNode,
  'materialized-path': PathNode,
  'nested-set': NestedNode,
} satisfies Record<string, EntityTarget<TreeNode>>;

/** root > left, right > leaf; every node saved by itself, so that tenants interleave between them. */
async function plant({ name: owner }: TestTenant, repository: TreeRepository<TreeNode>): Promise<TreeNode[]> {
  const add = (name: string, parent?: TreeNode): Promise<TreeNode> =>
    repository.save(repository.create({ owner, name, ...(parent && { parent }) }));
  const root = await add('root');
  const left = await add('left', root);
  const right = await add('right', root);
  const leaf = await add('leaf', right);
  return [root, left, right, leaf];
}

const names = (nodes: readonly TreeNode[]): string[] => nodes.map(({ name }) => name).toSorted();

for (const [kind, entity] of Object.entries(KINDS)) {
  describe(`${kind} trees over the shared graph`, () => {
    const repositoryOf = ({ dataSource }: TestTenant): TreeRepository<TreeNode> =>
      dataSource.getTreeRepository(entity as EntityTarget<TreeNode>);

    it('reads every tenant its own tree', async () => {
      await tenants.each(async (tenant) => {
        const repository = repositoryOf(tenant);
        const [root, , right, leaf] = (await plant(tenant, repository)) as [TreeNode, TreeNode, TreeNode, TreeNode];
        expect(names(await repository.findRoots())).toEqual(['root']);
        expect(names(await repository.findDescendants(root))).toEqual(['leaf', 'left', 'right', 'root']);
        expect(names(await repository.findAncestors(leaf))).toEqual(['leaf', 'right', 'root']);
        expect(await repository.countDescendants(right)).toBe(2);
        expect(await repository.countAncestors(right)).toBe(2);
        const [tree] = await repository.findTrees();
        expect(names(tree?.children ?? [])).toEqual(['left', 'right']);
        const ancestry = await repository.findAncestorsTree(leaf);
        expect(ancestry.parent?.parent?.name).toBe('root');
        for (const node of await repository.find()) expect(node.owner).toBe(tenant.name);
      });
    });

    it('moves and removes nodes of one tenant only', async () => {
      const planted = await tenants.each((tenant) => plant(tenant, repositoryOf(tenant)));
      const acme = repositoryOf(tenants.named('acme'));
      const [root, left, , leaf] = planted['acme'] as [TreeNode, TreeNode, TreeNode, TreeNode];
      leaf.parent = left;
      await acme.save(leaf);
      expect(names(await acme.findDescendants(left))).toEqual(['leaf', 'left']);
      await acme.remove(leaf);
      expect(names(await acme.findDescendants(root))).toEqual(['left', 'right', 'root']);
      for (const tenant of tenants.all) {
        if (tenant.name === 'acme') continue;
        const descendants = await repositoryOf(tenant).findDescendants(planted[tenant.name]?.[0] as TreeNode);
        expect(names(descendants)).toEqual(['leaf', 'left', 'right', 'root']);
      }
    });
  });
}

describe('adjacency lists over the shared graph', () => {
  it('reads every tenant its own nodes', async () => {
    await tenants.each(async ({ name: owner, dataSource }) => {
      const nodes = dataSource.getRepository(LinkedNode);
      await nodes.save(
        nodes.create({ owner, name: 'root', children: [{ owner, name: 'left', children: [{ owner, name: 'leaf' }] }] }),
      );
      const root = await nodes.findOneOrFail({
        where: { name: 'root' },
        relations: { children: { children: true } },
      });
      expect(root.children[0]?.children[0]).toMatchObject({ owner, name: 'leaf' });
      const recursive = `WITH RECURSIVE path AS (
        SELECT id, "parentId", owner, name FROM linked_node WHERE name = 'leaf'
        UNION ALL SELECT n.id, n."parentId", n.owner, n.name FROM linked_node n JOIN path ON path."parentId" = n.id)
        SELECT owner, name FROM path`;
      const path = ['leaf', 'left', 'root'].map((name) => ({ owner, name }));
      expect(await dataSource.query(recursive)).toEqual(path);
    });
  });
});
