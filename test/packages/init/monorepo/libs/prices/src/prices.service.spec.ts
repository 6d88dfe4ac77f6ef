import { PricesService } from './prices.service';

describe('PricesService', () => {
  it('adds the tax', () => {
    expect(new PricesService().withTax(100)).toBe(119);
  });
});
