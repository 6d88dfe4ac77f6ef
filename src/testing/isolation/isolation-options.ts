import type { Isolation, Tenant } from '../../catalog/model/tenant.js';

/** Which data a table or a route has: a tenant's, the same for all tenants, or anyone's. */
export type Classification = 'tenant' | 'shared' | 'public';

/** For which row values are made. */
export interface RowRequest {
  readonly tenant: Pick<Tenant, 'id' | 'slug'>;
  /** 0: the row whose key is the same for both tenants; 1: the row that only this tenant has. */
  readonly index: 0 | 1;
  /** A text that no other row has. Put it into a column that is shown. */
  readonly canary: string;
}

/** Values by the names of columns or of the entity's properties. */
export type RowFactory = (request: RowRequest) => Readonly<Record<string, unknown>>;

/** A body for a route that writes, from another tenant's row of each table, as PostgreSQL has it. */
export type BodyFactory = (
  rows: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
) => Readonly<Record<string, unknown>>;

/** The application's own classification and rows; none of it is required. */
export interface IsolationOptions {
  /** How the two tenants of the check are kept apart. Default: `row`, where all tenants share tables. */
  readonly isolation?: Isolation;
  /**
   * The headers with which a tenant's caller authenticates. Default: an API key that is issued for it. Needed where the
   * application has a resolver that handles every request.
   */
  readonly headers?: (tenant: Tenant) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /**
   * What tables without row-level security and routes without a decorator are, and handlers that are not tried: `{ tables:
   * { countries: 'shared' }, routes: { 'GET /countries': 'public' }, handlers: { 'message NotesGateway.list': 'tenant' } }`.
   */
  readonly classify?: {
    readonly tables?: Readonly<Record<string, Classification>>;
    readonly routes?: Readonly<Record<string, Classification>>;
    /** Of GraphQL (`query countries`, `mutation addNote`, `subscription notes`), gateways and microservices. */
    readonly handlers?: Readonly<Record<string, Classification>>;
  };
  /** Values for rows that cannot be generated, by entity or table: `{ Note: ({ canary }) => ({ text: canary }) }`. */
  readonly rows?: Readonly<Record<string, RowFactory>>;
  /**
   * Bodies that routes accept, where neither the examples of the application's OpenAPI documentation nor the columns of its
   * tables lead to one: `{ 'POST /orders': ({ customers }) => ({ customerId: customers.id, … }) }`.
   */
  readonly bodies?: Readonly<Record<string, BodyFactory>>;
  /** How long a route may take to answer; a stream is read that long. Default: 2000. */
  readonly answerTimeoutMs?: number;
  /** How long the whole check may take. Default: 120000. */
  readonly timeoutMs?: number;
}
