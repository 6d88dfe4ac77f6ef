import { Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ValidQuery } from '../../http/input/valid.decorators.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { type RebalanceFilter, rebalanceFilter, rebalanceView, type RebalanceView } from './rebalance.schemas.js';
import { Rebalancing } from './rebalancing.js';

@ControlPlaneController('admin/v1/rebalance')
export class RebalanceController {
  constructor(private readonly rebalancing: Rebalancing) {}

  @Get()
  @ApiOperation({
    summary: 'Propose moves between servers, with the fewest bytes for what they gain',
    description:
      'Nothing is changed. `POST /admin/v1/operations` with `{ "kind": "rebalance" }` makes the moves that it then proposes.',
  })
  @ApiOkResponse(responseSchema(rebalanceView))
  @ApiProblem('VALIDATION_FAILED')
  preview(@ValidQuery(rebalanceFilter) filter: RebalanceFilter): Promise<RebalanceView> {
    return this.rebalancing.preview(filter);
  }
}
