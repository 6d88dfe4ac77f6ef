import { Delete, Get, HttpCode, Param, Req, StreamableFile } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiProduces } from '@nestjs/swagger';
import type { Actor } from '../../catalog/audit/actor.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { IdPipe } from '../../http/input/id.pipe.js';
import type { Page } from '../../http/input/page.js';
import { ValidQuery } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { CurrentActor } from '../audit/current-actor.decorator.js';
import { OperatorRights } from '../../tenant/operators/route-rights.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { ExportDownloads } from './export-downloads.js';
import { ExportRecords } from './export-records.js';
import { ExportRemoval } from './export-removal.js';
import { exportFilter, type ExportFilter, exportPage, type ExportView, exportView } from './export.schemas.js';

const exportId = new IdPipe('export');

/** Archives of tenants that were exported into the store. */
@ControlPlaneController('admin/v1/exports')
export class ExportsController {
  constructor(
    private readonly records: ExportRecords,
    private readonly downloads: ExportDownloads,
    private readonly removal: ExportRemoval,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List exports, newest first' })
  @ApiOkResponse(responseSchema(exportPage))
  @ApiProblem('VALIDATION_FAILED')
  list(@ValidQuery(exportFilter) filter: ExportFilter): Promise<Page<ExportView>> {
    return this.records.list(filter);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read an export; its id is that of the operation that has written it' })
  @ApiOkResponse(responseSchema(exportView))
  @ApiProblem('NOT_FOUND', 'no such export, or its operation has not begun')
  read(@Param('id', exportId) id: string): Promise<ExportView> {
    return this.records.read(id);
  }

  @Get(':id/content')
  @OperatorRights({ read: 'operator' }) // all of a tenant's data
  @ApiOperation({
    summary: 'Download an export, encrypted for its recipients',
    description: 'Each download is in the audit log. A client that reads nothing for a minute or two is disconnected.',
  })
  @ApiProduces('application/octet-stream')
  @ApiOkResponse({ description: 'The archive', schema: { type: 'string', format: 'binary' } })
  @ApiProblem('NOT_FOUND', 'no such export, or its object was removed from the store')
  @ApiProblem('CONFLICT', 'BACKUP_URL is not set, or the export was not read back')
  async content(
    @CurrentActor() actor: Actor,
    @Param('id', exportId) id: string,
    @Req() { method }: HttpRequest,
  ): Promise<StreamableFile | undefined> {
    if (method === 'HEAD') {
      await this.records.kept(id); // no download: neither is the store read, nor the audit log written
      return undefined;
    }
    const download = await this.downloads.open(id, actor);
    const file = new StreamableFile(download.content, {
      type: 'application/octet-stream',
      disposition: `attachment; filename="${id}.age"`,
      length: download.export.bytes,
    });
    // Ended as if it were complete, the client would wait for the rest.
    return file.setErrorHandler((_error, response) => response.destroy?.());
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove an export and its object' })
  @ApiNoContentResponse({ description: 'It is removed' })
  @ApiProblem('NOT_FOUND', 'no such export')
  @ApiProblem('CONFLICT', 'an operation writes it, or imports it')
  remove(@CurrentActor() actor: Actor, @Param('id', exportId) id: string): Promise<void> {
    return this.removal.remove(id, actor);
  }
}
