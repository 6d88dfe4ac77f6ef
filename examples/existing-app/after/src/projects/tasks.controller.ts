import { Controller, HttpCode, Param, ParseUUIDPipe, Post, UseGuards } from '@nestjs/common';
import { TenantScoped } from 'tenantry';
import { JwtAuthGuard } from '../auth/jwt-auth.guard';
import { ProjectsService } from './projects.service';

@UseGuards(JwtAuthGuard)
@TenantScoped()
@Controller('tasks')
export class TasksController {
  constructor(private readonly projects: ProjectsService) {}

  @Post(':id/complete')
  @HttpCode(204)
  complete(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.projects.complete(id);
  }
}
