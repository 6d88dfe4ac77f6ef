import { PrismaPg } from '@prisma/adapter-pg';
import { type Prisma, PrismaClient } from '../node_modules/.generated/index.js';
import { separateTenants, type TenantPool } from '../../../../src/index.js';
import type { DataLayer } from '../layer.js';

export function prismaLayer(pool: TenantPool): DataLayer {
  return layerOf(prismaOn(pool));
}

export function prismaOn(pool: TenantPool): PrismaClient {
  return separateTenants(new PrismaClient({ adapter: new PrismaPg(pool) }));
}

export function layerOf(prisma: PrismaClient): DataLayer {
  return {
    ...statements(prisma),
    transaction: (work) => prisma.$transaction((inner) => work(inside(inner)), { timeout: 60_000, maxWait: 60_000 }),
  };
}

function statements(prisma: Prisma.TransactionClient): Omit<DataLayer, 'transaction'> {
  return {
    list: async () => (await prisma.memo.findMany({ orderBy: { text: 'asc' } })).map(({ text }) => text),
    read: async (id) => (await prisma.memo.findUnique({ where: { id } }))?.text,
    insert: (id, text) => prisma.memo.create({ data: { id, text } }),
    update: async (id, text) => (await prisma.memo.updateMany({ where: { id }, data: { text } })).count,
    remove: async (id) => (await prisma.memo.deleteMany({ where: { id } })).count,
    raw: (sql) => prisma.$queryRawUnsafe(sql),
  };
}

/** A transaction of Prisma nests by statements of its own. */
function inside(prisma: Prisma.TransactionClient): DataLayer {
  const nested: DataLayer['transaction'] = async (work) => {
    await prisma.$executeRawUnsafe('SAVEPOINT nested');
    try {
      return await work(inside(prisma));
    } catch (error) {
      await prisma.$executeRawUnsafe('ROLLBACK TO SAVEPOINT nested');
      throw error;
    }
  };
  return { ...statements(prisma), transaction: nested };
}
