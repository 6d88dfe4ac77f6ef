import type { SelectQueryBuilder } from 'typeorm';
import { setNewest } from '../../platform/bounded-map.js';
import { dataSourceOf } from '../../platform/postgres/typeorm-versions.js';
import { shapeOf } from './query-shape.js';

/** Queries of an application have some hundred shapes; those with values in their texts come and go. */
const MAX_TEXTS = 1_000;

/**
 * The texts of selects, so that a query of the same shape is not put together again: for TypeORM that is most of its work
 * before a statement is sent.
 */
export class QueryTexts {
  private readonly texts = new Map<string, string>();

  /** Has the builder take its text from here where it is known. */
  serve<Entity extends object>(builder: SelectQueryBuilder<Entity>): SelectQueryBuilder<Entity> {
    const { texts } = this;
    const build = builder.getQuery;
    builder.getQuery = function getQuery(): string {
      const shape = shapeOf(this.expressionMap, dataSourceOf(this));
      if (shape === undefined) return build.call(this);
      const known = texts.get(shape);
      if (known !== undefined) return known;
      const text = build.call(this);
      setNewest(texts, shape, text, MAX_TEXTS);
      return text;
    };
    return builder;
  }
}
