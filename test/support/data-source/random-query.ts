import {
  Any,
  ArrayContains,
  Between,
  Brackets,
  type DataSource,
  type EntityTarget,
  Equal,
  type FindOperator,
  ILike,
  In,
  IsNull,
  JsonContains,
  Like,
  MoreThan,
  type ObjectLiteral,
  Not,
  NotBrackets,
  Or,
  Raw,
  type SelectQueryBuilder,
} from 'typeorm';
import { pick, seededRandom } from '../statements/seeded-random.js';
import { Author, Book, Film, Medium, Note, SettingSchema, Song, Tag } from './library.entities.js';

type Builder = SelectQueryBuilder<ObjectLiteral>;
type Random = () => number;
interface Source {
  readonly target: EntityTarget<ObjectLiteral>;
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
  readonly relations: readonly string[];
}

const SOURCES: readonly Source[] = [
  {
    target: Book,
    texts: ['isbn', 'title', 'owner'],
    numbers: ['id', 'stock', 'titleLength'],
    relations: ['tags', 'author'],
  },
  { target: Tag, texts: ['label', 'owner'], numbers: [], relations: ['books'] },
  { target: Author, texts: ['name', 'owner'], numbers: ['version'], relations: ['books', 'profile'] },
  { target: Medium, texts: ['title', 'owner'], numbers: [], relations: [] },
  { target: Film, texts: ['title'], numbers: ['minutes'], relations: [] },
  { target: Song, texts: ['title', 'band'], numbers: [], relations: [] },
  { target: Note, texts: ['text', 'trail', 'owner'], numbers: [], relations: [] },
  { target: SettingSchema, texts: ['key', 'value'], numbers: [], relations: [] },
];

/**
 * A select with options of TypeORM at random.
 *
 * @param shapeSeed what it is made of
 * @param valueSeed the values of its parameters
 * @param changedChoice which choice of the shape is another one, for a query that differs from the seed's as little as can be
 */
export function randomQuery(
  dataSource: DataSource,
  shapeSeed: number,
  valueSeed: number,
  changedChoice?: number,
): Builder {
  const random = seededRandom(shapeSeed);
  let choices = 0;
  const shape = (): number => {
    const choice = random();
    return (choices += 1) === changedChoice ? (choice + 0.3) % 1 : choice;
  };
  return new RandomQuery(dataSource, shape, seededRandom(valueSeed)).build();
}

class RandomQuery {
  private readonly source: Source;
  private readonly alias: string;
  private names = 0;

  constructor(
    private readonly dataSource: DataSource,
    private readonly shape: Random,
    private readonly values: Random,
  ) {
    this.source = pick(shape, SOURCES);
    this.alias = pick(shape, ['a', 'it', 'b', 'select', 'Mixed_Case']);
  }

  build(): Builder {
    const { source, alias } = this;
    const builder = this.dataSource.getRepository(source.target).createQueryBuilder(alias);
    if (this.chance(0.25)) this.findOptions(builder);
    else for (const option of this.options()) if (this.chance(0.25)) option(builder);
    return builder;
  }

  private findOptions(builder: Builder): void {
    const { source } = this;
    const relation = source.relations[0];
    builder.setFindOptions({
      where: this.chance(0.5) ? this.criteria() : [this.criteria(), this.criteria()],
      ...(this.chance(0.5) ? { order: { [this.text()]: pick(this.shape, ['ASC', 'DESC'] as const) } } : {}),
      ...(this.chance(0.3) ? { select: { [this.text()]: true } } : {}),
      ...(this.chance(0.3) && relation !== undefined ? { relations: { [relation]: true } } : {}),
      ...(this.chance(0.3) ? { withDeleted: true } : {}),
      ...(this.chance(0.3) ? { take: pick(this.shape, [1, 20]), skip: pick(this.shape, [0, 5]) } : {}),
      ...(this.chance(0.3) ? { comment: pick(this.shape, ['a comment', 'another']) } : {}),
      ...(this.chance(0.3) ? { loadEagerRelations: false } : {}),
    });
  }

  private options(): readonly ((builder: Builder) => unknown)[] {
    const { alias, source } = this;
    const path = (): string => `${alias}.${this.text()}`;
    const [relation] = source.relations;
    return [
      (builder) => builder.where(this.criteria()),
      (builder) => builder.andWhere(...this.condition()),
      (builder) => builder.orWhere(...this.condition()),
      (builder) =>
        builder.andWhere(new Brackets((where) => where.where(...this.condition()).orWhere(...this.condition()))),
      (builder) => builder.andWhere(new NotBrackets((where) => where.where(this.criteria()))),
      (builder) => builder.andWhere(`EXISTS ${this.subQuery(builder)}`),
      (builder) => builder.andWhereInIds(this.ids()),
      (builder) => builder.select(path()),
      (builder) => builder.select([alias, `count(*)`]),
      (builder) => builder.addSelect(`lower(${path()})`, pick(this.shape, ['lowered', 'l', 'Lowered'])),
      (builder) => builder.addSelect((inner) => inner.select('1').from(Tag, 'inner_tag').limit(1), 'selected'),
      (builder) => builder.distinct(),
      (builder) => builder.distinctOn([path()]),
      (builder) =>
        builder.orderBy(path(), pick(this.shape, ['ASC', 'DESC']), pick(this.shape, ['NULLS FIRST', 'NULLS LAST'])),
      (builder) => builder.addOrderBy(path()),
      (builder) => builder.groupBy(path()).addGroupBy(`${alias}.owner`),
      (builder) => builder.groupBy(path()).having(`count(*) > :${this.name()}`, this.parameters(this.number())),
      (builder) => builder.limit(pick(this.shape, [0, 1, 20])),
      (builder) => builder.offset(pick(this.shape, [0, 3])),
      (builder) => builder.take(pick(this.shape, [1, 20])),
      (builder) => builder.skip(pick(this.shape, [1, 5])),
      (builder) => builder.withDeleted(),
      (builder) => builder.comment(pick(this.shape, ['opened /* only', 'a comment'])),
      (builder) =>
        builder.setLock(pick(this.shape, ['pessimistic_read', 'pessimistic_write', 'for_key_share'] as const)),
      (builder) => builder.setLock('pessimistic_write').setOnLocked(pick(this.shape, ['nowait', 'skip_locked'])),
      (builder) => builder.setLock('pessimistic_write', undefined, [alias]),
      (builder) => builder.cache(this.chance(0.5)),
      (builder) => builder.disableEscaping(),
      (builder) => builder.leftJoin(Note, 'note', `note.text = ${path()}`),
      (builder) =>
        builder.innerJoinAndSelect('setting', 'joined', `joined.key = :${this.name()}`, this.parameters('x')),
      (builder) => builder.leftJoinAndMapOne(`${alias}.mapped`, Note, 'mapped', `mapped.owner = ${alias}.owner`),
      (builder) => builder.leftJoin((inner) => inner.select('t.label', 'label').from(Tag, 't'), 'sub', 'true'),
      (builder) => builder.innerJoin('country', 'plain', 'true'),
      (builder) => relation && this.joinRelated(builder, relation),
      (builder) => relation && builder.innerJoinAndMapMany(`${alias}.found`, `${alias}.${relation}`, 'found'),
      (builder) => relation && builder.loadRelationIdAndMap(`${alias}.ids`, `${alias}.${relation}`),
      (builder) => builder.addCommonTableExpression(`SELECT 1 AS one`, 'cte'),
    ];
  }

  private joinRelated(builder: Builder, relation: string): Builder {
    const path = `${this.alias}.${relation}`;
    if (this.chance(0.5)) return builder.leftJoinAndSelect(path, 'related');
    return builder.leftJoinAndSelect(path, 'related', 'related.owner = :relatedOwner', { relatedOwner: this.string() });
  }

  private subQuery(builder: Builder): string {
    return builder
      .subQuery()
      .select('1')
      .from(Tag, 'tag')
      .where(`tag.label = ${this.alias}.owner`)
      .andWhere(pick(this.shape, ["tag.owner = 'x'", 'tag.owner IS NULL']))
      .getQuery();
  }

  private condition(): [string, ObjectLiteral] {
    const path = `${this.alias}.${this.text()}`;
    const name = this.name();
    return pick<() => [string, ObjectLiteral]>(this.shape, [
      () => [`${path} = :${name}`, { [name]: this.string() }],
      () => [`${path} IN (:...${name})`, { [name]: this.strings() }],
      () => [`lower(${path}) = :${name} OR ${path} = :${name}`, { [name]: this.string() }],
      () => [`${path} IS NOT NULL`, {}],
      () => [`(${path} LIKE '%:no_parameter' AND ${path} <> :${name})`, { [name]: this.string() }],
    ])();
  }

  private criteria(): ObjectLiteral {
    const criteria: ObjectLiteral = { [this.text()]: this.operator() };
    if (this.chance(0.3)) criteria[this.text()] = this.string();
    const column = this.source.numbers[0];
    if (column !== undefined && this.chance(0.3)) criteria[column] = Between(this.number(), this.number());
    if (this.source.target === Book && this.chance(0.3)) criteria['keywords'] = ArrayContains(this.strings());
    if (this.source.target === Book && this.chance(0.3)) criteria['details'] = JsonContains({ pages: this.number() });
    return criteria;
  }

  private operator(): FindOperator<unknown> | string {
    return pick<() => FindOperator<unknown> | string>(this.shape, [
      () => this.string(),
      () => Equal(this.string()),
      () => Not(this.string()),
      () => Not(IsNull()),
      () => IsNull(),
      () => In(this.strings()),
      () => Any(this.strings()),
      () => Like(`${this.string()}%`),
      () => ILike(`%${this.string()}`),
      () => MoreThan(this.string()),
      () => Or(Equal(this.string()), IsNull()),
      () => Raw((column) => `${column} = upper(:raw)`, { raw: this.string() }),
      () => Raw((column) => `${column} IS NOT NULL`),
    ])();
  }

  private ids(): unknown[] {
    return Array.from({ length: Math.floor(this.shape() * 3) }, () => this.number());
  }

  private text(): string {
    return pick(this.shape, this.source.texts);
  }

  private name(): string {
    return pick(this.shape, ['p', 'value', 'orm_param_0']) + (this.names += 1);
  }

  private parameters(value: unknown): ObjectLiteral {
    return { [`p${this.names}`]: value, [`value${this.names}`]: value, [`orm_param_0${this.names}`]: value };
  }

  private string(): string {
    return pick(this.values, ['', 'a', `it's`, ':p1', '$1', 'x'.repeat(50), 'é']);
  }

  private strings(): string[] {
    return Array.from({ length: 1 + Math.floor(this.values() * 3) }, () => this.string());
  }

  private number(): number {
    return Math.floor(this.values() * 1_000);
  }

  private chance(probability: number): boolean {
    return this.shape() < probability;
  }
}
