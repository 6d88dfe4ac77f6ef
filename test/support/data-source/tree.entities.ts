import {
  Column,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  type Relation,
  Tree,
  TreeChildren,
  TreeParent,
} from 'typeorm';

export interface TreeNode {
  id: string;
  owner: string;
  name: string;
  parent?: TreeNode | null;
  children: TreeNode[];
}

@Entity()
@Tree('closure-table')
export class ClosureNode implements TreeNode {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column()
  owner: string;

  @Column()
  name: string;

  @TreeParent()
  parent?: Relation<ClosureNode> | null;

  @TreeChildren({ cascade: true })
  children: Relation<ClosureNode>[];
}

@Entity()
@Tree('materialized-path')
export class PathNode implements TreeNode {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column()
  owner: string;

  @Column()
  name: string;

  @TreeParent()
  parent?: Relation<PathNode> | null;

  @TreeChildren({ cascade: true })
  children: Relation<PathNode>[];
}

@Entity()
@Tree('nested-set')
export class NestedNode implements TreeNode {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column()
  owner: string;

  @Column()
  name: string;

  @TreeParent()
  parent?: Relation<NestedNode> | null;

  @TreeChildren({ cascade: true })
  children: Relation<NestedNode>[];
}

/** Adjacency list: a plain self-reference. */
@Entity()
export class LinkedNode implements TreeNode {
  @PrimaryGeneratedColumn('uuid')
  id: string;

  @Column()
  owner: string;

  @Column()
  name: string;

  @ManyToOne(() => LinkedNode, (node) => node.children)
  parent?: Relation<LinkedNode> | null;

  @OneToMany(() => LinkedNode, (node) => node.parent, { cascade: true })
  children: Relation<LinkedNode>[];
}

export const TREE_ENTITIES = [ClosureNode, PathNode, NestedNode, LinkedNode] as const;
