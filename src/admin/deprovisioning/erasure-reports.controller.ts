import { Get, Header, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces } from '@nestjs/swagger';
import { IdPipe } from '../../http/input/id.pipe.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { OPERATIONS_PATH } from '../operations/operation-location.js';
import { erasureDocument } from './erasure-document.js';
import { ErasureReports } from './erasure-reports.js';

@ControlPlaneController(`${OPERATIONS_PATH}/:id/erasure-report`)
export class ErasureReportsController {
  constructor(private readonly reports: ErasureReports) {}

  @Get()
  @Header('content-type', 'text/markdown; charset=utf-8')
  @ApiOperation({
    summary: 'What the deletion of a tenant has removed, and what remains, as a document for the customer',
    description:
      "In Markdown. The same facts are in the operation's `result`. The tenant has its pseudonym: its slug is not kept.",
  })
  @ApiProduces('text/markdown')
  @ApiOkResponse({ description: 'The report', type: String })
  @ApiProblem('NOT_FOUND', 'no such deletion, or a former release ran it')
  @ApiProblem('CONFLICT', 'the deletion has not succeeded')
  async read(@Param('id', new IdPipe('deletion')) id: string): Promise<string> {
    return `${erasureDocument(await this.reports.read(id)).join('\n')}\n`;
  }
}
