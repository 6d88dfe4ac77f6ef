import { ForbiddenException, Injectable, NotFoundException } from '@nestjs/common';
import { InjectTenantRepository, TenantContext } from 'tenantry';
import { Repository } from 'typeorm';
import { Membership } from '../users/membership.entity';
import { Project } from './project.entity';
import { Task } from './task.entity';

@Injectable()
export class ProjectsService {
  constructor(
    @InjectTenantRepository(Project) private readonly projects: Repository<Project>,
    @InjectTenantRepository(Task) private readonly tasks: Repository<Task>,
    private readonly context: TenantContext,
  ) {}

  list(): Promise<Project[]> {
    return this.projects.find({ relations: { tasks: true }, order: { name: 'ASC', tasks: { title: 'ASC' } } });
  }

  async find(id: string): Promise<Project> {
    const project = await this.projects.findOne({ where: { id }, relations: { tasks: true } });
    if (!project) throw new NotFoundException();
    return project;
  }

  create(name: string, titles: string[] = []): Promise<Project> {
    return this.projects.save({ name, tasks: titles.map((title) => ({ title })) });
  }

  async complete(taskId: string): Promise<void> {
    const { affected } = await this.tasks.update({ id: taskId }, { done: true });
    if (affected !== 1) throw new NotFoundException();
  }

  async remove(id: string): Promise<void> {
    const { principal } = this.context.current<Membership>();
    if (principal?.role !== 'admin') throw new ForbiddenException('only admins remove projects');
    await this.projects.delete({ id });
  }
}
