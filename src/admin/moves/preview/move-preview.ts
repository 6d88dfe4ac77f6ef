import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../../catalog/catalog-data-source.js';
import type { ServerEntity } from '../../../catalog/entities/server.entity.js';
import { TenantEntity } from '../../../catalog/entities/tenant.entity.js';
import { ServerOwner } from '../../../catalog/server-owner.js';
import { AdminConnections } from '../../../database/admin-connections/admin-connections.js';
import { TargetUnavailableError } from '../../../database/connection/connection.errors.js';
import type { CopyPlace } from '../../../database/copy/copy-place.js';
import { copyObstacles, sourceObstacles } from '../../../database/copy/tables/copy-obstacles.js';
import { COPY_PACES, type CopyPace } from '../../../database/copy/streams/transfer-meter.js';
import { Operations } from '../../../operations/operations.js';
import { APP_CONFIG, type AppConfig } from '../../../platform/config/app-config.js';
import { INSUFFICIENT_PRIVILEGE } from '../../provisioning/login-role.js';
import { type ForeseenPlace, Placements } from '../../provisioning/placements.js';
import { TargetDatabases } from '../../targets/target-databases.js';
import { TenantRecords } from '../../tenants/tenant-records.js';
import { type ExaminedMove, MoveRequests } from '../move-requests.js';
import { DEFAULT_PACE, type NewMove } from '../move.schemas.js';
import { ATTEMPT_MS, FEW_CHANGES } from '../switching/switch-over.js';
import { countConnections } from '../../../catalog/instances/connection-count.js';
import { surveySchema, surveyServer } from './destination-survey.js';
import type { MovePreviewView } from './move-preview.schemas.js';
import {
  duringWhichTransactions,
  estimateCopy,
  roundTrip,
  type SourceSurvey,
  STATEMENT_MS,
  surveySource,
} from './source-survey.js';

/** SQLSTATE of a statement that has taken too long. */
const QUERY_CANCELED = '57014';

/** What is found out, in the order of the questions. */
interface Findings {
  readonly obstacles: string[];
  readonly notes: string[];
  readonly creates: MovePreviewView['creates'];
  readonly connections: MovePreviewView['connections'];
  olderTransactions: MovePreviewView['waiting']['olderTransactions'];
  destinationRoundTripMs: number | null;
}

/** A move that is previewed. */
interface Foreseen {
  readonly tenant: TenantEntity;
  readonly examined: ExaminedMove;
  readonly to: ForeseenPlace;
  readonly pace: CopyPace;
}

/** Shows what a move would do, and what is in its way. Changes nothing, and locks no row or table that a tenant writes to. */
@Injectable()
export class MovePreview {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly records: TenantRecords,
    private readonly requests: MoveRequests,
    private readonly operations: Operations,
    private readonly placements: Placements,
    private readonly targets: TargetDatabases,
    private readonly owner: ServerOwner,
    private readonly adminConnections: AdminConnections,
  ) {}

  /** @throws NotFoundError (tenant or server), ConflictError (the tenant was never provisioned) */
  async preview(slugOrId: string, request: NewMove): Promise<MovePreviewView> {
    const catalog = this.catalog.manager;
    const { id } = await this.records.read(slugOrId);
    const tenant = await catalog.findOneByOrFail(TenantEntity, { id });
    const examined = await this.requests.examine(catalog, tenant, request);
    const to = await this.placements.foresee(examined.server.id, { id, isolation: examined.isolation });
    const foreseen = { tenant, examined, to, pace: COPY_PACES[request.pace ?? DEFAULT_PACE] };
    const findings = await this.findInCatalog(foreseen);
    const source = await this.survey(foreseen, findings);
    return this.view(foreseen, findings, source);
  }

  private async findInCatalog({ tenant, examined }: Foreseen): Promise<Findings> {
    const other = await this.operations.inProgress(this.catalog.manager, tenant.id);
    const obstacles = examined.refusals.map(({ message }) => message);
    if (other) obstacles.push(`another operation is in progress: ${other.kind} ${other.id}`);
    const nothing = { olderTransactions: [], destinationRoundTripMs: null };
    return { obstacles, notes: [], creates: [], connections: [], ...nothing };
  }

  /** Undefined when the source cannot be looked at. */
  private survey(foreseen: Foreseen, findings: Findings): Promise<SourceSurvey | undefined> {
    const { tenant, examined } = foreseen;
    return this.look(findings, 'the tables of the tenant', () =>
      this.targets.use(examined.current, async (client) => {
        await client.query(`SET statement_timeout = ${STATEMENT_MS}`); // until the connection is released
        const from = { client, schema: tenant.schema ?? '', isAlone: tenant.isolation !== 'row' };
        const { result, transactions } = await duringWhichTransactions(client, async () => {
          const source = await this.look(findings, 'the size of the tables', () => surveySource(from, tenant.id));
          if (!examined.isThereAlready) await this.surveyDestination(foreseen, from, findings);
          return source;
        });
        findings.olderTransactions = transactions;
        await this.surveyConnections(client, examined.current.server, 1, findings);
        return result;
      }),
    );
  }

  private async surveyDestination(foreseen: Foreseen, from: CopyPlace, findings: Findings): Promise<void> {
    const { examined, to } = foreseen;
    const server = await this.look(findings, 'the server of the new place', () =>
      this.adminConnections.use(this.owner.of(examined.server), async (client) => {
        await client.query(`SET statement_timeout = ${STATEMENT_MS}`);
        findings.destinationRoundTripMs = await roundTrip(client);
        await this.surveyConnections(client, examined.server, 1, findings);
        return surveyServer(client, to);
      }),
    );
    if (!server) return;
    findings.obstacles.push(...server.obstacles);
    findings.creates.push(...server.creates);
    await this.look(findings, 'the tables of both places', () =>
      server.hasDatabase && server.obstacles.length === 0
        ? this.adminConnections.use(this.owner.of(examined.server, to.database), async (client) => {
            await client.query(`SET statement_timeout = ${STATEMENT_MS}`);
            await this.surveyTables(foreseen, from, client, findings);
          })
        : this.surveyTables(foreseen, from, undefined, findings),
    );
  }

  private async surveyTables(
    { tenant, examined, to }: Foreseen,
    from: CopyPlace,
    client: pg.Client | undefined,
    { obstacles, notes, creates }: Findings,
  ): Promise<void> {
    const schema = await surveySchema(client, to);
    creates.push(...schema.creates);
    obstacles.push(...schema.obstacles);
    if (client && to.hasTables) {
      const place = { client, schema: to.schema, isAlone: examined.isolation !== 'row' };
      obstacles.push(...(await copyObstacles(from, place, tenant.id)));
    } else {
      obstacles.push(...(await sourceObstacles(from, tenant.id)));
      notes.push('the tables of both places are compared by the move itself, once it has made those of the new one');
    }
  }

  private async surveyConnections(
    client: pg.Client,
    { name: server }: ServerEntity,
    needed: number,
    { connections, obstacles }: Findings,
  ): Promise<void> {
    const known = connections.find((other) => other.server === server);
    if (known) {
      known.needed += needed;
      return;
    }
    const { max, open } = await countConnections(client);
    connections.push({ server, max, open, needed });
    if (open >= max) obstacles.push(`server ${server} has no free connection: ${open} of ${max} are open`);
  }

  /** What cannot be looked at is said instead. */
  private async look<T>(findings: Findings, what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (error instanceof TargetUnavailableError) findings.obstacles.push(error.message);
      else if (code === INSUFFICIENT_PRIVILEGE) findings.obstacles.push(`${what}: ${(error as Error).message}`);
      else if (code !== QUERY_CANCELED) throw error;
      else
        findings.notes.push(
          `${what}: not known within ${STATEMENT_MS / 1_000} s, another session may have locked tables`,
        );
      return undefined;
    }
  }

  private view(
    { tenant, examined: { current, server, isolation }, to, pace }: Foreseen,
    findings: Findings,
    source: SourceSurvey | undefined,
  ): MovePreviewView {
    const { obstacles, notes, creates, connections, olderTransactions, destinationRoundTripMs } = findings;
    const tables = [...(source?.sizes ?? [])];
    return {
      ...{ tenantId: tenant.id, slug: tenant.slug },
      from: {
        ...{ isolation: tenant.isolation, server: current.server.name },
        ...{ database: current.database, schema: tenant.schema ?? '' },
      },
      to: { isolation, server: server.name, database: to.database, schema: to.schema },
      ...{ obstacles, notes, creates, tables },
      rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      bytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
      areBytesEstimated: tenant.isolation === 'row',
      copy: source ? estimateCopy(source, pace) : null,
      waiting: {
        limitMs: this.config.pool.timeoutMs,
        attemptMs: ATTEMPT_MS.first,
        longestAttemptMs: ATTEMPT_MS.most,
        lastChanges: FEW_CHANGES,
        sourceRoundTripMs: source?.roundTripMs ?? null,
        ...{ destinationRoundTripMs, olderTransactions },
      },
      connections,
    };
  }
}
