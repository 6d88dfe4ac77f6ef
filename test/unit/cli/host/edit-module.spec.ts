import { describe, expect, it } from '@jest/globals';
import typescript from 'typescript';
import { addToCall, addToModule, UneditableFileError } from '../../../../src/cli/host/edit-module.js';

const ELEMENTS = [['One.forRoot()'], ['Two.forFeature({', '\tentities: [A],', '})']];
const IMPORTS = [{ names: ['One', 'Two'], from: 'pack' }];

function edited(text: string, elements: readonly (readonly string[])[] = ELEMENTS): string {
  return addToModule(typescript, { text, className: 'AppModule' }, { elements, imports: IMPORTS });
}

describe('adding to the imports of a module', () => {
  it('appends behind a trailing comma and the comment after it', () => {
    const text = `import { A } from "./a";\n\n@Module({\n    imports: [\n        A, // first\n    ],\n})\nexport class AppModule {}\n`;
    expect(edited(text)).toBe(
      `import { A } from "./a";\nimport { One, Two } from "pack";\n\n@Module({\n    imports: [\n        A, // first\n        One.forRoot(),\n        Two.forFeature({\n            entities: [A],\n        }),\n    ],\n})\nexport class AppModule {}\n`,
    );
  });

  it('keeps a list without trailing comma, and statements without semicolons, as they are', () => {
    const text = `import { A } from './a'\n@Module({\n\timports: [\n\t\tA\n\t]\n})\nclass AppModule {}\n`;
    expect(edited(text, [['One.forRoot()']])).toBe(
      `import { A } from './a'\nimport { One, Two } from 'pack'\n@Module({\n\timports: [\n\t\tA,\n\t\tOne.forRoot()\n\t]\n})\nclass AppModule {}\n`,
    );
  });

  it('appends within a line, to a list of one line', () => {
    expect(edited(`@Module({ imports: [A, B] })\nclass AppModule {}`, [['One.forRoot()']])).toContain(
      `@Module({ imports: [A, B, One.forRoot()] })`,
    );
    expect(edited(`@Module({ imports: [] })\nclass AppModule {}`, [['One.forRoot()']])).toContain(
      `imports: [One.forRoot()]`,
    );
  });

  it('adds the property where there is none', () => {
    const expected = `@Module({\n  imports: [\n    One.forRoot(),\n  ],\n`;
    expect(edited(`@Module({\n  providers: [P],\n})\nclass AppModule {}`, [['One.forRoot()']])).toContain(
      `${expected}  providers: [P],\n})`,
    );
    expect(edited(`@Module({})\nclass AppModule {}`, [['One.forRoot()']])).toContain(`${expected}})`);
  });

  it('keeps line breaks of Windows', () => {
    const text = `import { A } from './a';\r\n@Module({\r\n  imports: [\r\n    A,\r\n  ],\r\n})\r\nclass AppModule {}\r\n`;
    expect(edited(text).replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  });

  it('imports no name a second time', () => {
    const text = `import { One, Two } from 'pack';\n@Module({})\nclass AppModule {}`;
    expect(edited(text).match(/from 'pack'/g)).toHaveLength(1);
  });

  it.each([
    ['a list that is a variable', '@Module({ imports: modules })\nclass AppModule {}'],
    ['metadata that is a variable', '@Module(metadata)\nclass AppModule {}'],
    ['metadata that spreads another object', '@Module({ ...base })\nclass AppModule {}'],
    ['a class without the decorator', 'class AppModule {}'],
    ['another class', '@Module({})\nclass Other {}'],
  ])('refuses %s', (_, text) => {
    expect(() => edited(text)).toThrow(UneditableFileError);
  });
});

describe('adding to a call', () => {
  const call = { callee: 'TenantryModule.forFeature', property: 'migrations', element: 'Second2', from: './second' };

  it('adds an element to the only such array', () => {
    const text = `import { First1 } from './first';\nTenantryModule.forFeature({ entities: [A], migrations: [First1] });\n`;
    expect(addToCall(typescript, text, call)).toBe(
      `import { First1 } from './first';\nimport { Second2 } from './second';\nTenantryModule.forFeature({ entities: [A], migrations: [First1, Second2] });\n`,
    );
  });

  it('leaves a file with none, or with several, alone', () => {
    const one = 'TenantryModule.forFeature({ migrations: [] });\n';
    expect(addToCall(typescript, 'TenantryModule.forFeature({ entities: [A] });', call)).toBeUndefined();
    expect(addToCall(typescript, one + one, call)).toBeUndefined();
  });
});
