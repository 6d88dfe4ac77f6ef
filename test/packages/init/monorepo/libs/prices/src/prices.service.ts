import { Injectable } from '@nestjs/common';

@Injectable()
export class PricesService {
  withTax(cents: number): number {
    return Math.round(cents * 1.19);
  }
}
