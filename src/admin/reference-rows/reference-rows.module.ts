import { Module } from '@nestjs/common';
import { ReferenceRows } from './reference-rows.js';

@Module({ providers: [ReferenceRows], exports: [ReferenceRows] })
export class ReferenceRowsModule {}
