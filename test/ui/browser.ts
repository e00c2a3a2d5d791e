import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** Where Chromium is: what `CHROMIUM_PATH` names, else one of the usual places, else null. */
export const findChromium = (): string | null => {
  const named = process.env.CHROMIUM_PATH;
  return named || (PLACES.find((path) => existsSync(path)) ?? null);
};

/** A browser without a window that asks nothing of the outer world. */
export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-quic', '--disable-background-networking'],
  });
