import { Module } from '@nestjs/common';
import { TenantryModule } from '../../index.js';
import { CreateCountries1764000002000 } from '../migrations/1764000002000-create-countries.js';
import { CountriesController } from './countries.controller.js';
import { Country } from './country.entity.js';

@Module({
  imports: [
    TenantryModule.forFeature({
      referenceEntities: [Country],
      migrations: [CreateCountries1764000002000],
      constraints: { customers_country_fkey: { invalid: 'must be the code of a country' } },
    }),
  ],
  controllers: [CountriesController],
})
export class CountriesModule {}
