import { expect, test } from 'vitest';
import { SERVER_SETTINGS, serverArguments } from '../../src/embedded/temporal-cli.js';

const input = { port: 1, uiPort: 2, databaseFile: 'temporal.db' };

test('serverArguments: the whole command line, each setting with its reason', () => {
  expect(serverArguments({ ...input, version: '1.9.1' }).join(' ')).toBe(
    'server start-dev --port 1 --ui-port 2 --db-filename temporal.db --ip 127.0.0.1' +
      ' --sqlite-pragma journal_mode=wal --sqlite-pragma synchronous=full' +
      ' --dynamic-config-value history.transferProcessorMaxPollRPS=1000' +
      ' --log-format json --log-level warn --ui-disable-news-fetch',
  );
  expect(SERVER_SETTINGS.every(({ reason }) => reason.length > 20)).toBe(true);
});

test('serverArguments: an older Temporal CLI is spared what it does not know', () => {
  expect(serverArguments({ ...input, version: '1.5.1' })).not.toContain('--ui-disable-news-fetch');
});
