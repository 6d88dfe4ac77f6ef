import { SelectQueryBuilder } from 'typeorm';
import { setNewest } from '../../platform/bounded-map.js';
import { dataSourceOf } from '../../platform/postgres/typeorm-versions.js';
import { shapeOf } from './query-shape.js';

/** Queries of an application have some hundred shapes; those with values in their texts come and go. */
const MAX_TEXTS = 1_000;

type Builder = SelectQueryBuilder<object>;

/** What all queries of one shape share; the same object for as long as it is kept. */
export interface KnownQuery {
  readonly text: string;
}

/**
 * The texts of selects, so that a query of the same shape is not put together again: for TypeORM that is most of its work
 * before a statement is sent.
 */
export class QueryTexts {
  private readonly queries = new Map<string, KnownQuery>();
  private readonly getQuery: Builder['getQuery'];

  constructor() {
    const find = (builder: Builder): KnownQuery | undefined => this.find(builder);
    this.getQuery = function getQuery(this: Builder): string {
      return find(this)?.text ?? buildText(this);
    };
  }

  /** Has the builder take its text from here where it is known. */
  serve<Entity extends object>(builder: SelectQueryBuilder<Entity>): SelectQueryBuilder<Entity> {
    return Object.assign(builder, { getQuery: this.getQuery });
  }

  /** @returns undefined for a query that is never kept */
  find(builder: Builder): KnownQuery | undefined {
    const shape = shapeOf(builder.expressionMap, dataSourceOf(builder));
    if (shape === undefined) return undefined;
    const known = this.queries.get(shape);
    if (known) return known;
    const query = { text: buildText(builder) };
    setNewest(this.queries, shape, query, MAX_TEXTS);
    return query;
  }
}

/** By TypeORM. */
function buildText(builder: Builder): string {
  return SelectQueryBuilder.prototype.getQuery.call(builder);
}
