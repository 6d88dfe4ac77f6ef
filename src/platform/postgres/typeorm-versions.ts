import type { DataSource, ObjectLiteral, SelectQueryBuilder } from 'typeorm';

/** What TypeORM calls the data source of an object: `connection` until 0.3, `dataSource` since 1.0. */
type Owner = { readonly dataSource: DataSource } | { readonly connection: DataSource };

/** The data source of one of TypeORM's objects, such as an entity manager, a driver or a query runner. */
export function dataSourceOf(owner: object): DataSource {
  const known = owner as Owner;
  return 'dataSource' in known ? known.dataSource : known.connection;
}

/** The property that refers to a data source, for an object that inherits from `owner`. */
export function dataSourceProperty(owner: object, dataSource: DataSource): object {
  return 'dataSource' in owner ? { dataSource } : { connection: dataSource };
}

/** Whether this is TypeORM 0.3, by one of its objects. */
export function isTypeorm03(owner: object): boolean {
  return !('dataSource' in owner);
}

/** A query's text with the places of its parameters numbered, and their values in that order. */
export function escapedStatement(builder: SelectQueryBuilder<object>, text: string): [string, unknown[]] {
  const { expressionMap } = builder;
  // Only 0.3 has native parameters.
  const { nativeParameters = {} } = expressionMap as { readonly nativeParameters?: ObjectLiteral };
  const driver = dataSourceOf(builder).driver as unknown as EscapingDriver;
  return driver.escapeQueryWithParameters(text, builder.getParameters(), nativeParameters);
}

interface EscapingDriver {
  escapeQueryWithParameters(text: string, parameters: ObjectLiteral, native: ObjectLiteral): [string, unknown[]];
}
