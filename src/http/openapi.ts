import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

export const API_DOCS_PATH = 'docs';

/** OpenAPI at `/docs` and `/docs-json`. */
export function setUpApiDocs(app: INestApplication): void {
  const description = 'Every route works for the tenant that the credential belongs to.';
  const document = new DocumentBuilder()
    .setTitle('Tenantry')
    .setDescription(description)
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'A tenant API key `tnt_…` or a JSON Web Token' })
    .build();
  SwaggerModule.setup(API_DOCS_PATH, app, () => SwaggerModule.createDocument(app, document), {
    swaggerOptions: { persistAuthorization: true },
  });
}
