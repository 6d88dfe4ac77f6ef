import { Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { DataSource } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { IdPipe } from '../../http/input/id.pipe.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import type { Page } from '../../http/input/page.js';
import { ValidBody, ValidQuery } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import type { HttpResponse } from '../../http/requests/http-request.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { setOperationLocation } from '../operations/operation-location.js';
import { operationView, type OperationView, toOperationView } from '../operations/operation.schemas.js';
import { BackupDrills } from './backup-drills.js';
import { BackupRecords } from './backup-records.js';
import { BackupRestores } from './backup-restores.js';
import {
  backupFilter,
  type BackupFilter,
  backupPage,
  type BackupView,
  newBackup,
  type NewBackup,
  newRestore,
  type NewRestore,
} from './backup.schemas.js';
import { Backups } from './backups.js';

/** Backups of tenants. */
@ControlPlaneController('admin/v1/backups')
export class BackupsController {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly backups: Backups,
    private readonly records: BackupRecords,
    private readonly restores: BackupRestores,
    private readonly drills: BackupDrills,
    private readonly runner: OperationRunner,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List backups, newest first' })
  @ApiOkResponse(responseSchema(backupPage))
  @ApiProblem('VALIDATION_FAILED')
  list(@ValidQuery(backupFilter) filter: BackupFilter): Promise<Page<BackupView>> {
    return this.records.list(filter);
  }

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Back a tenant up, while it works' })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such tenant')
  @ApiProblem('CONFLICT', 'BACKUP_URL is not set, the tenant has no data, or another operation is in progress')
  async create(
    @CurrentActor() actor: Actor,
    @ValidBody(newBackup) { tenant }: NewBackup,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    const operation = await this.catalog.transaction((catalog) => this.backups.request(catalog, tenant, actor));
    return this.accepted(response, operation);
  }

  @Post(':id/restore')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Restore a backup over the tenant that was backed up, or as another tenant',
    description:
      'Without `as`, the rows are brought to a new place of the tenant that was backed up, which works meanwhile, and its writes ' +
      'wait for a moment while it is switched there. What was written since the backup stays at the former place: ' +
      '`POST /admin/v1/tenants/{slug}/move/back` brings it back, without what was written since the restore, until ' +
      '`…/move/finish` removes it. With `as`, the tenant that was backed up stays as it is.',
  })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiProblem('VALIDATION_FAILED')
  @ApiProblem('NOT_FOUND', 'no such backup or server')
  @ApiProblem(
    'CONFLICT',
    'BACKUP_URL is not set, the backup does not count, or the slug is in use; without `as`: the tenant has a move or restore ' +
      'that is not finished or another operation in progress, or its rows would be twice in shared tables; ' +
      '`MIGRATION_REQUIRED` where its tables are not migrated',
  )
  async restore(
    @CurrentActor() actor: Actor,
    @Param('id', new IdPipe('backup')) id: string,
    @ValidBody(newRestore) body: NewRestore,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    return this.accepted(response, await this.restores.request(id, body, actor));
  }

  @Post(':id/drill')
  @HttpCode(202)
  @ApiOperation({ summary: 'Try a backup out: restore it into tables that no tenant uses, and drop them' })
  @ApiAcceptedResponse(responseSchema(operationView))
  @ApiProblem('NOT_FOUND', 'no such backup')
  @ApiProblem('CONFLICT', 'BACKUP_URL is not set, the backup does not count, or it is being tried out')
  async drill(
    @CurrentActor() actor: Actor,
    @Param('id', new IdPipe('backup')) id: string,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<OperationView> {
    return this.accepted(response, await this.drills.request(id, actor));
  }

  private accepted(response: HttpResponse, operation: OperationEntity): OperationView {
    this.runner.wake();
    setOperationLocation(response, operation);
    return toOperationView(operation);
  }
}
