import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DataSource, EntityTarget, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { RawSqlResultsToEntityTransformer } from 'typeorm/query-builder/transformer/RawSqlResultsToEntityTransformer.js';
import { TemplateDataSource } from '../../../../src/database/data-source/template-data-source.js';
import {
  LIBRARY_ENTITIES,
  Author,
  Book,
  Film,
  Medium,
  Note,
  Tag,
} from '../../../support/data-source/library.entities.js';
import { offlineDataSource } from '../../../support/data-source/offline-data-source.js';
import { randomRows } from '../../../support/data-source/random-rows.js';
import {
  Depot,
  Keeper,
  LabelSchema,
  Overview,
  Parcel,
  Part,
  WAREHOUSE_ENTITIES,
} from '../../../support/data-source/warehouse.entities.js';
import { pick, seededRandom } from '../../../support/statements/seeded-random.js';

type Builder = SelectQueryBuilder<ObjectLiteral>;

const TARGETS: readonly EntityTarget<ObjectLiteral>[] = [
  ...[Parcel, Parcel, Parcel, Parcel, Part, Part, Depot, Depot, Keeper, Overview, LabelSchema],
  ...[Author, Book, Film, Medium, Note, Tag],
];

let dataSource: DataSource;

beforeAll(async () => {
  const entities = [...WAREHOUSE_ENTITIES, ...LIBRARY_ENTITIES];
  dataSource = offlineDataSource(await TemplateDataSource.build({ entities, migrations: [] }));
});

afterEach(() => {
  jest.restoreAllMocks();
});

/** A select of a shape at random, whose rows come from no server. */
function randomSelect(seed: number, rowSeed: number): Builder {
  const random = seededRandom(seed);
  const chance = (probability: number): boolean => random() < probability;
  const builder = selectFrom(pick(random, TARGETS), pick(random, ['a', 'it', 'Mixed']), rowSeed);
  const { metadata } = builder.expressionMap.mainAlias!;
  const relations = metadata.relations.map(({ propertyPath }) => propertyPath);
  if (chance(0.25)) {
    const names = metadata.columns.filter(() => chance(0.7)).map(({ propertyName }) => propertyName);
    const select = Object.fromEntries(
      [...names, ...(chance(0.8) ? metadata.primaryColumns.map(({ propertyName }) => propertyName) : [])]
        .filter((name) => metadata.findColumnWithPropertyName(name)?.embeddedMetadata === undefined)
        .map((name) => [name, true]),
    );
    return builder.setFindOptions({
      ...(chance(0.6) ? {} : { select }),
      relations: Object.fromEntries(
        relations.filter((name) => !name.includes('.') && chance(0.3)).map((name) => [name, true]),
      ),
      ...(chance(0.2) ? { take: 3 } : {}),
      ...(chance(0.2) ? { loadEagerRelations: false } : {}),
      ...(chance(0.1) ? { relationLoadStrategy: 'query' as const } : {}),
    });
  }
  join(builder, builder.alias, 0);
  if (chance(0.2)) builder.select(metadata.columns.filter(() => chance(0.6)).map(pathIn(builder.alias)));
  if (chance(0.2)) builder.addSelect(metadata.columns.filter(() => chance(0.2)).map(pathIn(builder.alias)));
  if (chance(0.1)) builder.setOption('create-pojo');
  if (chance(0.1)) builder.callListeners(false);
  if (chance(0.1)) builder.take(2);
  if (chance(0.1)) builder.setLock('optimistic', 1);
  return builder;

  function join(parent: Builder, alias: string, depth: number): void {
    const of = parent.expressionMap.findAliasByName(alias).metadata.relations;
    for (const { propertyPath } of of.filter(() => chance(depth === 0 ? 0.35 : 0.2))) {
      const joined = `${alias}_${propertyPath.replace('.', '_')}`;
      const path = `${alias}.${propertyPath}`;
      const kind = random();
      if (kind < 0.5) parent.leftJoinAndSelect(path, joined);
      else if (kind < 0.6) parent.innerJoin(path, joined);
      else if (kind < 0.7) parent.leftJoinAndMapOne(`${alias}.mappedOne`, path, joined);
      else if (kind < 0.8) parent.leftJoinAndMapMany(`${alias}.mappedMany`, path, joined);
      else if (kind < 0.9) parent.leftJoin(path, joined).addSelect(`${joined}.name`);
      else parent.leftJoinAndMapMany(`${alias}.keepers`, Keeper, joined, 'true');
      if (depth < 2 && kind < 0.8) join(parent, joined, depth + 1);
    }
  }
}

function pathIn(alias: string): (column: { readonly propertyPath: string }) => string {
  return ({ propertyPath }) => `${alias}.${propertyPath}`;
}

function selectFrom(target: EntityTarget<ObjectLiteral>, alias: string, rowSeed: number): Builder {
  const runner = dataSource.createQueryRunner();
  const builder = dataSource.getRepository(target).createQueryBuilder(alias, runner);
  const query = (sql: string): Promise<unknown> => Promise.resolve({ records: randomRows(builder, sql, rowSeed) });
  return Object.assign(runner, { query }) && builder;
}

async function read(builder: Builder): Promise<unknown> {
  try {
    return described((await builder.getRawAndEntities()).entities);
  } catch (error) {
    return String(error);
  }
}

function readByTypeorm(builder: Builder): Promise<unknown> {
  Reflect.deleteProperty(builder, 'executeEntitiesAndRawResults');
  return read(builder);
}

/** With prototypes, the order of properties, and those that are undefined. */
function described(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return [typeof value, String(value)];
  if (value instanceof Date || Buffer.isBuffer(value)) return [value.constructor.name, JSON.stringify(value)];
  const prototype = Object.getPrototypeOf(value) as object;
  return [prototype.constructor.name, ...Object.entries(value).map(([name, part]) => [name, described(part)])];
}

/** Whether TypeORM has not made any entity in the meantime. */
function watchTypeorm(): () => boolean {
  const transform = jest.spyOn(RawSqlResultsToEntityTransformer.prototype, 'transform');
  return () => transform.mock.calls.length === 0;
}

describe('entities of selects', () => {
  it('are those that TypeORM makes, for any columns, relations and rows, and many are made by a plan', async () => {
    const QUERIES = 250;
    let planned = 0;
    for (let seed = 1; seed <= QUERIES; seed += 1) {
      for (const rowSeed of [seed, seed + QUERIES]) {
        const expected = await readByTypeorm(randomSelect(seed, rowSeed));
        const isPlanned = watchTypeorm();
        const received = await read(randomSelect(seed, rowSeed));
        if (isPlanned() && Array.isArray(received) && received.length > 1) planned += 1;
        jest.restoreAllMocks();
        expect({ seed, rowSeed, entities: received }).toStrictEqual({ seed, rowSeed, entities: expected });
      }
    }
    expect(planned / (2 * QUERIES)).toBeGreaterThan(0.25);
  });

  it('are made by one plan for all queries of a shape', async () => {
    const prototype = RawSqlResultsToEntityTransformer.prototype as unknown as { getColumnsToProcess(): unknown };
    const namesOfColumns = jest.spyOn(prototype, 'getColumnsToProcess');
    for (const id of ['id-1', 'id-2', 'id-3']) {
      await selectFrom(Parcel, 'once', 3).leftJoinAndSelect('once.parts', 'part').where({ id }).getMany();
    }
    expect(namesOfColumns).toHaveBeenCalledTimes(2);
  });

  it.each<[string, (builder: Builder) => Builder, EntityTarget<ObjectLiteral>]>([
    ['ids of relations', (builder) => builder, Book],
    ['loaded ids of relations', (builder) => builder.loadRelationIdAndMap('it.ids', 'it.parts'), Parcel],
    ['tables of many classes', (builder) => builder, Medium],
    ['columns that are queries', (builder) => builder, Author],
    ['views', (builder) => builder, Overview],
    ['keys that are not read', (builder) => builder.select('it.label'), Parcel],
    ['pages of joined rows', (builder) => builder.leftJoinAndSelect('it.parts', 'part').take(5), Parcel],
  ])('are left to TypeORM: %s', async (_, change, target) => {
    const isPlanned = watchTypeorm();
    await read(change(selectFrom(target, 'it', 11)));
    expect(isPlanned()).toBe(false);
  });
});
