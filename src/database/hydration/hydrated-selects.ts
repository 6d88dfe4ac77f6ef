import { type ObjectLiteral, type QueryRunner, SelectQueryBuilder } from 'typeorm';
import { dataSourceOf, escapedStatement } from '../../platform/postgres/typeorm-versions.js';
import type { KnownQuery, QueryTexts } from '../query-texts/query-texts.js';
import { hydrate } from './hydrate.js';
import { canPlan, type HydrationPlan, planOf } from './hydration-plan.js';

type Builder = SelectQueryBuilder<object>;
interface RawAndEntities {
  readonly raw: readonly Readonly<Record<string, unknown>>[];
  readonly entities: ObjectLiteral[];
}
type Execute = (this: Builder, queryRunner: QueryRunner) => Promise<RawAndEntities>;

/** What a builder reads entities with (1.1.1 and 0.3.31: query-builder/SelectQueryBuilder.js). */
interface BuilderInternals {
  executeEntitiesAndRawResults: Execute;
}

const executeByTypeorm = (): Execute =>
  (SelectQueryBuilder.prototype as unknown as BuilderInternals).executeEntitiesAndRawResults;

const IS_SUPPORTED = typeof executeByTypeorm() === 'function' && canPlan();

/**
 * Selects whose rows become entities by a plan that is made once for each shape of a query. TypeORM works it out for every
 * result: which column has which name, is selected, and belongs to which property.
 */
export class HydratedSelects {
  private readonly plans = new WeakMap<KnownQuery, HydrationPlan | 'left to TypeORM'>();
  private readonly execute: Execute;

  constructor(private readonly texts: QueryTexts) {
    const planned = (builder: Builder): [KnownQuery, HydrationPlan] | undefined => this.planned(builder);
    this.execute = function executeEntitiesAndRawResults(queryRunner) {
      const known = planned(this);
      if (!known) return executeByTypeorm().call(this, queryRunner);
      return read(this, queryRunner, ...known);
    };
  }

  /** Has the builder read entities by plans, where there are some. */
  serve<Entity extends object>(builder: SelectQueryBuilder<Entity>): SelectQueryBuilder<Entity> {
    return IS_SUPPORTED ? Object.assign(builder, { executeEntitiesAndRawResults: this.execute }) : builder;
  }

  private planned(builder: Builder): [KnownQuery, HydrationPlan] | undefined {
    if (!isOneStatement(builder)) return undefined;
    const query = this.texts.find(builder);
    if (!query) return undefined;
    let plan = this.plans.get(query);
    if (!plan) {
      plan = planOf(builder) ?? 'left to TypeORM';
      this.plans.set(query, plan);
    }
    return plan === 'left to TypeORM' ? undefined : [query, plan];
  }
}

/** Whether TypeORM would send one statement, without checking anything before or loading anything else afterwards. */
function isOneStatement({ expressionMap: map }: Builder): boolean {
  return (
    map.mainAlias?.hasMetadata === true &&
    map.mainAlias.metadata.relationIds.length === 0 &&
    map.lockMode === undefined &&
    map.relationLoadStrategy !== 'query' &&
    (!(map.skip || map.take) || map.joinAttributes.length === 0)
  );
}

async function read(
  builder: Builder,
  queryRunner: QueryRunner,
  { text }: KnownQuery,
  plan: HydrationPlan,
): Promise<RawAndEntities> {
  const { expressionMap: map } = builder;
  const [sql, parameters] = escapedStatement(builder, text);
  const { records } = await queryRunner.query(sql, parameters, true);
  const raw = records as RawAndEntities['raw'];
  if (raw.length === 0) return { raw, entities: [] };
  const entities = hydrate(raw, plan, {
    driver: dataSourceOf(builder).driver,
    queryRunner: builder['queryRunner'],
    creation: { fromDeserializer: true, pojo: map.options.includes('create-pojo') },
  });
  if (map.callListeners) await queryRunner.broadcaster.broadcast('Load', plan.metadata, entities);
  return { raw, entities };
}
