import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** @throws where there is no Chromium: a proof in a browser must not pass without one */
export function launchChromium(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? PLACES.find((path) => existsSync(path));
  if (executablePath === undefined) {
    throw new Error('no Chromium: install it (`apt-get install chromium`), or set CHROMIUM to its path');
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
