/** What REST controllers import from `tenantry/rest`: validated input, pages, documented errors. Its peer is `@nestjs/swagger`. */
export { ApiProblem } from './http/api-problem.decorator.js';
export { boundedText } from './http/bounded-text.js';
export { responseSchema } from './http/documented-schema.js';
export { IdPipe } from './http/id.pipe.js';
export { type Page, pageOf, type PagePosition, pageQuery, type PageQuery, selectPage, toPage } from './http/page.js';
export { ValidBody, ValidQuery } from './http/valid.decorators.js';
export { versionNumber } from './http/version-number.js';
export { wholeNumber } from './http/whole-number.js';
