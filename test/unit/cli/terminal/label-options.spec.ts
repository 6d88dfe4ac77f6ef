import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from 'commander';
import { label, labelsOf } from '../../../../src/cli/terminal/label-options.js';

describe('the options for labels', () => {
  it('collect what is given, the last value of each key', () => {
    expect(['region=eu', 'tier=gold', 'region=us'].reduce((all, text) => label(text, all), {})).toEqual({
      ...{ region: 'us', tier: 'gold' },
    });
  });

  it.each(['', '=', 'region', 'region=', '=eu'])('reject "%s"', (text) => {
    expect(() => label(text)).toThrow(InvalidArgumentError);
  });

  it('are a field of the request only when one is given', () => {
    expect(labelsOf('labels', {})).toEqual({});
    expect(labelsOf('labels', { labels: true })).toEqual({});
    expect(labelsOf('labels', { label: { region: 'eu' }, labels: true })).toEqual({ labels: { region: 'eu' } });
    expect(labelsOf('labels', { labels: false })).toEqual({ labels: {} });
  });
});
