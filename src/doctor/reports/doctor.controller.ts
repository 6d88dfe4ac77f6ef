import { Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { ControlPlaneController } from '../../admin/control-plane-controller.decorator.js';
import { responseSchema } from '../../http/input/documented-schema.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import { doctorReport, type DoctorReport } from './doctor.schemas.js';
import { DoctorRuns } from './doctor-runs.js';

/** Not for viewers: the checks connect to every database, and name roles and settings that are too weak. */
@ControlPlaneController('admin/v1/doctor', { read: 'operator' })
export class DoctorController {
  constructor(private readonly runs: DoctorRuns) {}

  @Get()
  @ApiOperation({
    summary: 'Check configuration, servers and the isolation of tenants, as `tenantry doctor` does',
    description:
      'The checks run once at a time: requests that arrive meanwhile receive the same report. They change nothing.',
  })
  @ApiOkResponse(responseSchema(doctorReport))
  @ApiProblem('DOCTOR_RUNNING')
  report(): Promise<DoctorReport> {
    return this.runs.report();
  }
}
