import {
  AfterLoad,
  Column,
  DeleteDateColumn,
  Entity,
  EntitySchema,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  type Relation,
  VersionColumn,
  ViewEntity,
  ViewColumn,
} from 'typeorm';

// Columns of all kinds, and relations of all kinds, for rows that no server has returned.

export class Size {
  @Column('int')
  width: number;

  @Column({ type: 'numeric', name: 'how_high', nullable: true })
  height?: string;
}

export class Origin {
  @Column(() => Size)
  size: Size;

  @Column('text')
  country: string;

  @ManyToOne(() => Depot)
  depot?: Relation<Depot> | null;
}

const doubled = { to: (value: number) => value / 2, from: (value: number | null) => (value === null ? -1 : value * 2) };
const exclaimed = { to: (value: string) => value, from: (value: string | null) => `${String(value)}!` };

@Entity()
export class Parcel {
  @PrimaryColumn('uuid')
  id: string;

  @Column('varchar', { name: 'the_label' })
  label = 'unnamed';

  @Column('bigint')
  weight: string;

  @Column('int', { transformer: doubled })
  pairs: number;

  @Column('text', { transformer: [exclaimed, exclaimed] })
  shout: string;

  @Column({ type: Number })
  count: number;

  @Column({ type: Boolean })
  fragile: boolean;

  @Column('boolean', { nullable: true })
  insured?: boolean;

  @Column('timestamptz')
  sentAt: Date;

  @Column('timestamp')
  packedAt: Date;

  @Column('date')
  due: string;

  @Column('time')
  hour: string;

  @Column('jsonb')
  details: unknown;

  @Column('simple-json')
  simple: unknown;

  @Column('simple-array')
  words: string[];

  @Column('text', { array: true })
  texts: string[];

  @Column({ type: 'enum', enum: ['a', 'b'] })
  kind: string;

  @Column({ type: 'enum', enum: [1, 2], array: true })
  kinds: number[];

  @Column('hstore', { hstoreType: 'object' })
  pairsByName: unknown;

  @Column('cube')
  cube: number[];

  @Column('bytea')
  bytes: Buffer;

  @Column('text', { select: false })
  secret: string;

  @Column(() => Origin)
  origin: Origin;

  @Column(() => Size, { prefix: 'box' })
  box: Size;

  @Column('uuid', { name: 'depot_id', nullable: true })
  depotId?: string;

  @ManyToOne(() => Depot, (depot) => depot.parcels)
  @JoinColumn({ name: 'depot_id' })
  depot?: Relation<Depot> | null;

  @OneToMany(() => Part, (part) => part.parcel)
  parts: Relation<Part>[];

  @ManyToMany(() => Depot)
  @JoinTable()
  stops: Relation<Depot>[];

  @ManyToOne(() => Parcel, (parcel) => parcel.inside)
  outer?: Relation<Parcel> | null;

  @OneToMany(() => Parcel, (parcel) => parcel.outer)
  inside: Relation<Parcel>[];

  @VersionColumn()
  version: number;

  @DeleteDateColumn()
  deletedAt?: Date | null;
}

/** With a key of two columns, one of them a relation's. */
@Entity()
export class Part {
  @PrimaryColumn('uuid', { name: 'parcel_id' })
  parcelId: string;

  @PrimaryColumn('int')
  position: number;

  @ManyToOne(() => Parcel, (parcel) => parcel.parts)
  @JoinColumn({ name: 'parcel_id' })
  parcel: Relation<Parcel>;

  @Column('text')
  name: string;

  loaded?: string;

  @AfterLoad()
  afterLoad(): void {
    this.loaded = `loaded ${this.name}`;
  }
}

@Entity()
export class Depot {
  @PrimaryColumn('bytea')
  id: Buffer;

  @Column('text')
  name: string;

  @OneToMany(() => Parcel, (parcel) => parcel.depot)
  parcels: Relation<Parcel>[];

  @OneToOne(() => Keeper, { eager: true })
  @JoinColumn()
  keeper?: Relation<Keeper> | null;
}

@Entity()
export class Keeper {
  @PrimaryColumn('jsonb')
  id: unknown;

  @Column('text')
  name: string;

  greeting?: string;

  constructor() {
    this.greeting = 'made by its constructor';
  }
}

@ViewEntity({ expression: 'SELECT 1' })
export class Overview {
  @ViewColumn()
  name: string;
}

/** Without a class; its key is not selected with it. */
export const LabelSchema = new EntitySchema<{ key: string; value: string }>({
  name: 'label',
  columns: {
    key: { type: 'text', primary: true, select: false },
    value: { type: 'text' },
  },
});

export const WAREHOUSE_ENTITIES = [Parcel, Part, Depot, Keeper, Overview, LabelSchema] as const;
