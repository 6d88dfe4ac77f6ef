import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type DataSource, SelectQueryBuilder } from 'typeorm';
import { TemplateDataSource } from '../../../../src/database/data-source/template-data-source.js';
import { Author, Book, LIBRARY_ENTITIES } from '../../../support/data-source/library.entities.js';
import { randomQuery } from '../../../support/data-source/random-query.js';
import { offlineDataSource } from '../../../support/data-source/offline-data-source.js';

type Builder = SelectQueryBuilder<object>;

let dataSource: DataSource;

beforeAll(async () => {
  const template = await TemplateDataSource.build({ entities: LIBRARY_ENTITIES, migrations: [] });
  dataSource = offlineDataSource(template);
});

afterEach(() => {
  jest.restoreAllMocks();
});

/** What TypeORM itself builds: the error, where it refuses. */
function builtByTypeorm(make: () => Builder): unknown {
  return outcome(() => {
    const builder = make();
    Reflect.deleteProperty(builder, 'getQuery');
    return builder.getQueryAndParameters();
  });
}

function outcome(build: () => unknown): unknown {
  try {
    return build();
  } catch (error) {
    return String(error);
  }
}

/** How often TypeORM puts a text together in the meantime. */
function countBuilds(): () => number {
  const build = jest.spyOn(SelectQueryBuilder.prototype, 'getQuery');
  return () => build.mock.calls.length;
}

const FURTHER_CHOICES = [5, 8, 13, 21, 30, 40, 50, 60];

describe('texts of selects', () => {
  it('are those that TypeORM builds, for any options and values, and many are built once', () => {
    const QUERIES = 1_000;
    let answered = 0;
    for (let seed = 1; seed <= QUERIES; seed += 1) {
      for (const values of [1, 2]) {
        const make = (): Builder => randomQuery(dataSource, seed, values);
        const expected = builtByTypeorm(make);
        const builds = countBuilds();
        const received = outcome(() => make().getQueryAndParameters());
        if (values === 2 && builds() === 0) answered += 1;
        jest.restoreAllMocks();
        expect({ seed, values, built: received }).toEqual({ seed, values, built: expected });
      }
    }
    expect(answered / QUERIES).toBeGreaterThan(0.4);
  });

  it('are those that TypeORM builds for queries that differ in one choice only', () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      for (const changedChoice of [undefined, 1, 2, 3, ...FURTHER_CHOICES]) {
        const make = (): Builder => randomQuery(dataSource, seed, 1, changedChoice);
        const received = outcome(() => make().getQueryAndParameters());
        expect({ seed, changedChoice, built: received }).toEqual({ seed, changedChoice, built: builtByTypeorm(make) });
      }
    }
  });

  it('are built once for a shape, whatever the values, by find options and by builders', () => {
    const builds = countBuilds();
    for (const isbn of ['a', 'b', 'c']) {
      const found = dataSource.getRepository(Book).createQueryBuilder('book').setFindOptions({ where: { isbn } });
      expect(found.getQueryAndParameters()[1]).toEqual([isbn]);
    }
    expect(builds()).toBe(1);
  });

  it('are not kept where a function of the application takes part', () => {
    const builds = countBuilds();
    for (const name of ['a', 'b', 'c']) {
      dataSource.getRepository(Author).createQueryBuilder('author').where({ name }).getQuery();
    }
    expect(builds()).toBe(3);
  });

  it('do not mistake one part for another', () => {
    const text = (change: (builder: Builder) => Builder): string =>
      change(dataSource.getRepository(Book).createQueryBuilder('book') as Builder).getQuery();
    const texts = [
      text((builder) => builder.select('book.title', 'ab')),
      text((builder) => builder.select('book.title', 'a').addSelect('b')),
      text((builder) => builder.select('book.title').addSelect('ab')),
      text((builder) => builder.where('book.title = 1').andWhere('book.isbn = 2')),
      text((builder) => builder.where('book.title = 1').orWhere('book.isbn = 2')),
      text((builder) => builder.limit(1).offset(2)),
      text((builder) => builder.limit(2).offset(1)),
      text((builder) => builder.orderBy('book.title', 'ASC')),
      text((builder) => builder.orderBy('book.title', 'DESC')),
    ];
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('change with what is added to a builder after its text was read', () => {
    const builder = dataSource.getRepository(Book).createQueryBuilder('book');
    const before = builder.getQuery();
    expect(builder.andWhere('book.stock > 0').getQuery()).not.toBe(before);
    expect(builder.clone().getQuery()).toBe(builder.getQuery());
  });
});
