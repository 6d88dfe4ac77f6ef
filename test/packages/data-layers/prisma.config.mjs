// Only `prisma generate` runs here: the tables come from Tenantry's migrations, and the connections from TenantPool.
export default { schema: 'schema.prisma' };
