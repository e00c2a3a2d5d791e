import { type BundleOptions, bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { GovernedRunPlugin } from '../../src/plugin/plugin.js';
import { governanceWorkflowsPath, sharedModules } from '../../src/plugin/workflow-bundle.js';

const logger = new DefaultLogger('ERROR');

/** What a bundle loads before its first run. */
async function preloaded(options: Partial<BundleOptions>): Promise<string> {
  const { code } = await bundleWorkflowCode({ workflowsPath: governanceWorkflowsPath(), logger, ...options });
  return /preloadModules = function preloadModules\(\) \{\n(.*?)\n\}/s.exec(code)?.[1] ?? '';
}

test('shared modules: a bundle made with the plugin loads the curve and the domain before its first run, once', async () => {
  const plugin = new GovernedRunPlugin();
  const lines = (await preloaded({ plugins: [plugin, plugin] })).split('\n');
  expect(lines).toHaveLength(sharedModules().length);
  expect(lines[0]).toMatch(/__webpack_require__\(.*attest\/envelope\.ts/);
  expect(lines.join()).toMatch(/domain\/run\/decide\.ts/);
});

test('shared modules: what a team has its own bundle share is kept', () => {
  const options = { workflowsPath: governanceWorkflowsPath(), preloadModules: ['theirs'] };
  expect(new GovernedRunPlugin().configureBundler(options).preloadModules).toEqual(['theirs', ...sharedModules()]);
});

test('shared modules: the bundler drops a package without side effects, so it is named through a module of ours', async () => {
  expect(await preloaded({ preloadModules: ['@noble/curves/ed25519.js'] })).not.toContain('require');
});
