import { Body, Controller, Delete, Get, HttpCode, Param, ParseUUIDPipe, Post, UseGuards } from '@nestjs/common';
import { TenantScoped } from 'tenantry';
import { JwtAuthGuard } from '../auth/jwt-auth.guard';
import { Project } from './project.entity';
import { ProjectsService } from './projects.service';

@UseGuards(JwtAuthGuard)
@TenantScoped()
@Controller('projects')
export class ProjectsController {
  constructor(private readonly projects: ProjectsService) {}

  @Get()
  list(): Promise<Project[]> {
    return this.projects.list();
  }

  @Get(':id')
  find(@Param('id', ParseUUIDPipe) id: string): Promise<Project> {
    return this.projects.find(id);
  }

  @Post()
  create(@Body() body: { name: string; tasks?: string[] }): Promise<Project> {
    return this.projects.create(body.name, body.tasks);
  }

  @Delete(':id')
  @HttpCode(204)
  remove(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    return this.projects.remove(id);
  }
}
