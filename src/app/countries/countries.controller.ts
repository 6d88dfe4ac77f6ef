import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Repository } from 'typeorm';
import { z } from 'zod';
import { InjectTenantRepository } from '../../index.js';
import { responseSchema } from '../../rest.js';
import { Country } from './country.entity.js';

const countryList = z
  .object({ items: z.array(z.object({ code: z.string(), name: z.string() })) })
  .meta({ id: 'Countries', example: { items: [{ code: 'DE', name: 'Germany' }] } });

@ApiTags('countries')
@Controller('api/v1/countries')
export class CountriesController {
  constructor(@InjectTenantRepository(Country) private readonly countries: Repository<Country>) {}

  @Get()
  @ApiOperation({ summary: 'List countries, by name' })
  @ApiOkResponse(responseSchema(countryList))
  async list(): Promise<z.infer<typeof countryList>> {
    return { items: await this.countries.find({ order: { name: 'ASC' } }) };
  }
}
