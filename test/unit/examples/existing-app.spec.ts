import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';

describe('examples/existing-app', () => {
  it('becomes tenant-scoped by at most 60 changed lines besides its migrations', () => {
    const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'example:diff'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('+    TenantryModule.forRoot({');
    expect(Number(/^(\d+) lines added or removed/m.exec(stdout)?.[1])).toBeGreaterThan(0);
  });
});
