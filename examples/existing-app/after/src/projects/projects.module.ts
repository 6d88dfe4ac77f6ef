import { Module } from '@nestjs/common';
import { TenantryModule } from 'tenantry';
import { CreateProjects1770000000000 } from '../database/1770000000000-create-projects';
import { Project } from './project.entity';
import { ProjectsController } from './projects.controller';
import { ProjectsService } from './projects.service';
import { Task } from './task.entity';
import { TasksController } from './tasks.controller';

@Module({
  imports: [TenantryModule.forFeature({ entities: [Project, Task], migrations: [CreateProjects1770000000000] })],
  providers: [ProjectsService],
  controllers: [ProjectsController, TasksController],
})
export class ProjectsModule {}
