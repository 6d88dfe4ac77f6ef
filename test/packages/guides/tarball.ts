/** @returns the path of the packed package, which `npm run test:packages` has made */
export function tarball(): string {
  const path = process.env['TENANTRY_TARBALL'];
  if (path === undefined) throw new Error('TENANTRY_TARBALL is not set: run "npm run test:packages -- guides"');
  return path;
}
