import { Inject, Injectable, Logger, type OnModuleInit, Optional } from '@nestjs/common';
import { type DataSource, IsNull } from 'typeorm';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import type { ServerBudget } from '../../database/budget/server-budget.js';
import { ServerBudgets } from '../../database/budget/server-budgets.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { instanceIdOf } from '../../platform/config/instance-id.js';
import { leastShare } from '../../platform/config/worker-share.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { isLostConnection } from '../../platform/postgres/lost-connection.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { DeadlineError, withDeadline } from '../../platform/timeout.js';
import { CATALOG } from '../catalog-data-source.js';
import { CATALOG_TARGET } from '../catalog-target.js';
import { ServerEntity } from '../entities/server.entity.js';
import { assertWorkerShares } from '../worker-shares.js';
import { type AskingInstance, type Claim, ConnectionShares, type LentShare } from './connection-shares.js';
import { NoRoomError } from './instances.errors.js';
import { ServerSurveys } from './server-surveys.js';

const RENEW_MS = 1_000;
/** While connections are to be given back, and between two requests for more. */
const SOON_MS = 100;
/** While the server has no more to lend, and some are waited for. */
const SHORT_MS = 300;
/** How long what was lent holds without an answer. Shorter than the silence after which it may be given to others. */
const LEASE_MS = 6_000;
const ANSWER_MS = 5_000;
/** How long a start waits for others to give connections back, where STARTUP_WAIT is shorter. */
const JOIN_MS = 15_000;
/** What is needed beyond what is in use: a burst begins at once. */
const AHEAD = { least: 2, part: 0.25 };
/** How a need that is over fades, per renewal. */
const FADE = 0.9;

/**
 * Injection token of a boolean: whether this process runs one command. It is lent connections for its pools as others are, but begins with
 * what is kept for other work: where instances have all, it is what makes room.
 */
export const IS_COMMAND = Symbol.for('tenantry/IS_COMMAND');

/** What this process has of a server's connections. */
interface Holding {
  /** What the catalog says that it may have. */
  readonly share: number;
  /** What its budget keeps to; lower while connections are to be given back. */
  readonly limit: number;
  readonly need: number;
  /** What it cannot do without; unknown before the first answer. */
  readonly least: number;
}

const NOTHING: Holding = { share: 0, limit: 0, need: 0, least: Infinity };

/**
 * Renews what this process may open of the servers' connections: one limit for all instances, which the catalog divides by need.
 * Before it is answered it opens no more than it said; connections that others lack it closes first, and then says so.
 *
 * Without an answer it keeps what it was lent, because its connections show on the server that it is alive. On a server where it has
 * none, its pools open none until it is answered again.
 */
@Injectable()
export class LentConnections implements OnModuleInit {
  private readonly logger = new Logger('Instances');
  private readonly instance: AskingInstance;
  private readonly holdings = new Map<ServerBudget, Holding>();
  private defaultServerId: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private renewing: Promise<void> | undefined;
  private renewals = 0;
  private renewedAt = -Infinity;
  private isFailing = false;
  private stopped = false;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(CATALOG_TARGET) private readonly catalogTarget: ConnectionTarget,
    private readonly budgets: ServerBudgets,
    private readonly shares: ConnectionShares,
    private readonly surveys: ServerSurveys,
    private readonly shutdown: Shutdown,
    @Optional() @Inject(IS_COMMAND) private readonly isCommand = false,
  ) {
    const { instanceName: name, worker } = config;
    this.instance = { id: instanceIdOf(config), name, pid: process.pid, worker: worker?.number ?? null };
  }

  /** @throws NoRoomError, ConfigurationError (a server's limit is too low for the workers) */
  onModuleInit(): Promise<void> {
    return this.shutdown.duringStart(async () => {
      this.shutdown.add('stop the change feed', () => this.leave()); // pools are closed by then
      const server = await this.catalog.getRepository(ServerEntity).findOneByOrFail({ host: IsNull() });
      this.defaultServerId = server.id;
      if (this.config.worker?.isFirst) await assertWorkerShares(this.catalog, this.config);
      this.budgets.lendFrom((budget) => this.onWaiting(budget));
      await this.join();
      this.schedule(RENEW_MS);
    });
  }

  /** Waits until the catalog's server has room for what an instance cannot do without. */
  private async join(): Promise<void> {
    const deadline = performance.now() + Math.max(JOIN_MS, this.config.startupWaitMs);
    const budget = this.budgets.of(this.catalogTarget.server);
    for (;;) {
      const isLate = performance.now() > deadline;
      await this.renewOnce().catch((error: unknown) => {
        if (isLate || !isTransient(error)) throw error;
      });
      const { share, least } = this.holdings.get(budget) ?? NOTHING;
      if (share >= least) return;
      if (isLate) throw new NoRoomError(share, Math.min(least, this.leastOf(budget)));
      await new Promise((resolve) => setTimeout(resolve, SOON_MS));
    }
  }

  private onWaiting(budget: ServerBudget): void {
    if (this.stopped || this.renewing) return; // what is waited for meanwhile is seen when it ends
    const holding = this.holdings.get(budget);
    if (holding && (holding.limit >= this.budgets.ownLimit || isShort(holding))) return;
    this.schedule(Math.max(0, this.renewedAt + SOON_MS - performance.now()));
  }

  private schedule(ms: number): void {
    clearTimeout(this.timer);
    if (this.stopped) return;
    this.timer = runWithoutContext(() => setTimeout(() => void this.renew(), ms).unref());
  }

  /** Never rejects. */
  private async renew(): Promise<void> {
    try {
      await this.renewOnce();
      if (this.isFailing) this.logger.log('The servers lend connections again');
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) this.logger.warn(`What servers lend could not be renewed: ${reasonOf(error)}`);
      this.isFailing = true;
    }
    this.schedule(this.isFailing ? RENEW_MS : this.pause());
  }

  /** One at a time: the answer of an earlier renewal must not replace that of a later one. */
  private renewOnce(): Promise<void> {
    this.renewing ??= this.askForShares().finally(() => (this.renewing = undefined));
    return this.renewing;
  }

  private async askForShares(): Promise<void> {
    const startedAt = performance.now();
    this.renewedAt = startedAt;
    const asked = this.serversInUse();
    const claims = asked.map(([serverId, budget]) => this.claim(serverId, budget));
    this.renewals += 1;
    const renewal = await withDeadline(this.shares.renew(this.instance, this.renewals, claims), ANSWER_MS);
    for (const [serverId, budget] of asked) {
      const lent = renewal.lent.find((share) => share.serverId === serverId);
      if (lent) this.take(budget, lent, startedAt);
      else this.budgets.forget(serverId); // it was removed, and may have been registered again under another id
    }
    void runWithoutContext(async () => {
      for (const silent of renewal.silent) await this.surveys.takeBackUnused(silent);
      for (const { serverId, limit, dependsOnCapacity } of renewal.limits) {
        if (dependsOnCapacity) await this.surveys.measureCapacity(serverId);
        if (limit !== null) await this.surveys.limitRoles(serverId, limit);
      }
    });
  }

  /** Until the answer, the budget opens no more than is said here; with no answer at all, the catalog may have written it. */
  private claim(serverId: string, budget: ServerBudget): Claim {
    const { share, limit, need: former, least } = this.holdings.get(budget) ?? NOTHING;
    const held = Math.min(share, Math.max(limit, budget.secured));
    const needed = budget.needed;
    const ahead = Math.max(AHEAD.least, Math.ceil(needed * AHEAD.part));
    const need = Math.min(this.budgets.ownLimit, Math.max(needed + ahead, Math.floor(former * FADE)));
    if (share > 0) this.hold(budget, { share: held, limit: held, need, least });
    else this.holdings.set(budget, { share, limit, need, least });
    const { open, waiting } = budget;
    return { serverId, held, need, least: this.leastOf(budget), open, waiting };
  }

  private take(budget: ServerBudget, { share, target, least }: LentShare, startedAt: number): void {
    const { need } = this.holdings.get(budget) ?? NOTHING;
    budget.expireAt(startedAt + LEASE_MS);
    this.hold(budget, { share, limit: target, need, least });
  }

  private hold(budget: ServerBudget, holding: Holding): void {
    this.holdings.set(budget, holding);
    budget.resize(Math.min(this.budgets.ownLimit, holding.limit));
  }

  /** Until the next renewal, in ms: the shortest that a server asks for. */
  private pause(): number {
    const pauses = Array.from(this.holdings, ([budget, holding]) => {
      if (holding.limit < holding.share) return SOON_MS;
      if (budget.waiting === 0 || holding.limit >= this.budgets.ownLimit) return RENEW_MS;
      return isShort(holding) ? SHORT_MS : SOON_MS;
    });
    return Math.min(RENEW_MS, ...pauses);
  }

  /** Each budget once: the catalog's server has an id of its own besides that of its row. */
  private serversInUse(): [serverId: string, budget: ServerBudget][] {
    const catalogs = this.budgets.of(this.catalogTarget.server);
    const others = [...this.budgets.all()].filter(([, budget]) => budget !== catalogs);
    const first = new Map(others.toReversed().map(([serverId, budget]) => [budget, serverId]));
    const servers = Array.from(first, ([budget, serverId]) => [serverId, budget] as [string, ServerBudget]);
    return this.defaultServerId === undefined ? servers : [[this.defaultServerId, catalogs], ...servers];
  }

  private leastOf(budget: ServerBudget): number {
    if (this.isCommand) return 0;
    const isCatalogs = budget === this.budgets.of(this.catalogTarget.server);
    return Math.min(this.budgets.ownLimit, leastShare(isCatalogs));
  }

  /** Gives everything back. Where that is not possible, others take it once the connections are gone. */
  private async leave(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.renewing?.catch(() => undefined); // `renew` has logged it
    try {
      await withDeadline(this.shares.leave(this.instance.id), ANSWER_MS);
    } catch (error) {
      this.logger.debug(`The instance could not give its connections back: ${reasonOf(error)}`);
    }
  }
}

/** The lock is not available, or this process stood still between two statements. */
const LATE = new Set<string | undefined>(['55P03', '25P03']);

/** Another instance has frozen while it renewed, or the catalog's server is switched over. */
function isTransient(error: unknown): boolean {
  const { driverError } = (error ?? {}) as { driverError?: { code?: string } };
  return error instanceof DeadlineError || isLostConnection(error) || LATE.has(driverError?.code);
}

/** Whether the server had less to lend than was asked for. */
function isShort({ share, need }: Holding): boolean {
  return share < need;
}
