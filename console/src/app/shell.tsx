import type { ComponentChildren } from 'preact';
import { useContext, useEffect } from 'preact/hooks';
import { Announcer, forgetError } from '../parts/announcer.js';
import { Me, useRights } from './rights.js';
import { linkTo, type Route } from './route.js';
import { endSession } from './session.js';

export function Shell({ route, children }: { readonly route: Route; readonly children: ComponentChildren }) {
  const me = useContext(Me)!;
  const { seeInstallation, operateInstallation, administer } = useRights();
  const links = [
    ['overview', 'Overview', true],
    ['tenants', 'Tenants', true],
    ['plans', 'Plans', seeInstallation],
    ['operations', 'Operations', true],
    ['servers', 'Servers', seeInstallation],
    ['instances', 'Instances', seeInstallation],
    ['migrations', 'Migrations', seeInstallation],
    ['backups', 'Backups', seeInstallation],
    ['doctor', 'Doctor', operateInstallation],
    ['audit', 'Audit', true],
    ['operators', 'Operators', administer],
  ] as const;
  const current = route[0] ?? 'overview';
  useEffect(forgetError, [route.join('/')]);
  return (
    <>
      <header>
        <strong>Tenantry</strong>
        <nav aria-label="Console">
          {links
            .filter(([, , isOffered]) => isOffered)
            .map(([name, label]) => (
              <a key={name} href={linkTo(name)} {...(name === current ? { 'aria-current': 'page' as const } : {})}>
                {label}
              </a>
            ))}
        </nav>
        <span class="me">
          {me.name} ({me.role}){' '}
          <button type="button" onClick={() => void endSession()}>
            Sign out
          </button>
        </span>
      </header>
      <main>{children}</main>
      <Announcer />
    </>
  );
}
