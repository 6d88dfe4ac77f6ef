import { ForbiddenException } from '@nestjs/common';
import { TenantContext, type TenantScope } from 'tenantry';
import type { Repository } from 'typeorm';
import { Project } from './project.entity';
import { ProjectsService } from './projects.service';
import { Task } from './task.entity';

describe('ProjectsService', () => {
  const scope = { tenant: { slug: 'acme' } } as TenantScope;
  const context = new TenantContext();
  const projects = { delete: jest.fn().mockResolvedValue({}) };
  const service = new ProjectsService(projects as unknown as Repository<Project>, {} as Repository<Task>, context);

  it('lets admins remove projects', async () => {
    await context.run(scope, () => service.remove('1'), { principal: { role: 'admin' } });
    expect(projects.delete).toHaveBeenCalledWith({ id: '1' });
  });

  it('refuses it to members', async () => {
    const removal = context.run(scope, () => service.remove('1'), { principal: { role: 'member' } });
    await expect(removal).rejects.toThrow(ForbiddenException);
  });
});
