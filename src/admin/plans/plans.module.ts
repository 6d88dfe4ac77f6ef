import { Module } from '@nestjs/common';
import { Plans } from './plans.js';
import { SettingInput } from './setting-input.js';

@Module({ providers: [Plans, SettingInput], exports: [Plans, SettingInput] })
export class PlansModule {}
