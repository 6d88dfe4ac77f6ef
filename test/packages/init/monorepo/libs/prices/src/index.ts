export * from './prices.module';
export * from './prices.service';
