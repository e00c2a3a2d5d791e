import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createVisibleFiles, type VisibleFiles } from '../../../src/adapters/sandbox/shown-files.js';

let home: string;
let visible: VisibleFiles;

const at = (path: string): string => join(home, path);
async function file(path: string, text = ''): Promise<string> {
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), text, { mode: 0o755 });
  return at(path);
}
async function link(path: string, target: string): Promise<string> {
  await mkdir(dirname(at(path)), { recursive: true });
  await symlink(target, at(path));
  return at(path);
}

beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'promptos-home-')));
  visible = createVisibleFiles({
    ...{ home, secret: [at('shop/.promptos/state')], repositories: [at('shop')] },
    isShown: (path) => path.startsWith('/usr/') || path.startsWith('/bin/'),
  });
});
afterEach(() => rm(home, { recursive: true, force: true }));

const readable = (path: string) => ({ kind: 'readable', path: at(path) });

describe('visible files', () => {
  test('a program of the system needs nothing', () => {
    expect(visible.forProgram('/usr/bin/env')).toEqual([]);
  });

  test('a version of node: its installation, not the folder of all versions, also for what PATH names', async () => {
    await file('.nvm/versions/node/v20/lib/node_modules/npm/package.json');
    const node = await file('.nvm/versions/node/v20/bin/node');
    expect(visible.forProgram(node)).toEqual([readable('.nvm/versions/node/v20')]);
    expect(visible.forPath(`/usr/bin:${dirname(node)}:relative/bin`)).toEqual([readable('.nvm/versions/node/v20')]);
  });

  test('an agent installed under ~/.local: its packages and the link to it, never ~/.local', async () => {
    await file('.local/lib/node_modules/agent/cli.js', '#!/usr/bin/env node\n');
    const agent = await link('.local/bin/agent', '../lib/node_modules/agent/cli.js');
    expect(visible.forProgram(agent)).toEqual([
      { kind: 'link', path: agent, target: '../lib/node_modules/agent/cli.js' },
      readable('.local/lib/node_modules'),
    ]);
    expect(visible.forPath(dirname(agent))).toEqual([]);
  });

  test('a folder: as a whole where it is a program’s own; nothing of any other', async () => {
    await file('agents/lib/a.mjs');
    await file('shop/src/a.js');
    await file('work/agents-link');
    const linked = await link('work/link', at('agents/lib'));
    expect(visible.forFile(at('agents/lib'))).toEqual([readable('agents/lib')]);
    expect(visible.forFile(linked)).toEqual([
      { kind: 'link', path: linked, target: at('agents/lib') },
      readable('agents/lib'),
    ]);
    const others = [
      home,
      dirname(home),
      at('shop'),
      tmpdir(),
      '/tmp',
      '/var/tmp',
      '/',
      '/srv',
      '/run',
      '/run/user',
      '/proc/1',
    ];
    expect(others.flatMap((folder) => visible.forFile(folder))).toEqual([]);
  });

  test('one file that is a whole program: the file and the link to it', async () => {
    const binary = await file('.local/share/agent/versions/1.0.3');
    const agent = await link('.local/bin/agent', binary);
    expect(visible.forProgram(agent)).toEqual([
      { kind: 'link', path: agent, target: binary },
      readable('.local/share/agent/versions/1.0.3'),
    ]);
  });

  test('a virtual environment of Python: the environment, and the installation that it was made from', async () => {
    await file('pythons/3.12/lib/python3.12/os.py');
    await file('pythons/3.12/bin/python3');
    await file('tools/aider/pyvenv.cfg', `home = ${at('pythons/3.12/bin')}\nversion = 3.12\n`);
    await link('tools/aider/bin/python', at('pythons/3.12/bin/python3'));
    const aider = await file('tools/aider/bin/aider', `#!${at('tools/aider/bin/python')}\n`);
    expect(new Set(visible.forProgram(aider).map(({ path }) => path))).toEqual(
      new Set([at('tools/aider'), at('pythons/3.12')]),
    );
  });

  test('a home folder that looks like a toolchain is not shown, nor is a folder that holds a repository', async () => {
    await file('lib/node_modules/x/index.js');
    await file('shop/lib/node_modules/x/index.js');
    const [own, ofShop] = [await file('bin/agent'), await file('shop/bin/agent')];
    expect(visible.forFile(own)).toEqual([readable('bin/agent')]);
    expect(visible.forFile(ofShop)).toEqual([readable('shop/bin/agent')]);
    expect(visible.forPath(`${dirname(own)}:${dirname(ofShop)}`)).toEqual([]);
  });

  test('nothing of the state is shown, whatever names it, also by a link', async () => {
    const journal = await file('shop/.promptos/state/journal');
    const way = await link('agents/journal', journal);
    expect(visible.forFile(journal)).toEqual([]);
    expect(visible.forFile(way)).toEqual([{ kind: 'link', path: way, target: journal }]);
  });

  test('a link in a folder of the system that leads to a home folder: what it leads to', async () => {
    const ofSystem = createVisibleFiles({
      ...{ home, secret: [], repositories: [], isShown: (path) => path.startsWith(at('system/')) },
    });
    await file('.nvm/versions/node/v20/lib/node_modules/npm/package.json');
    const node = await file('.nvm/versions/node/v20/bin/node');
    const agent = await file('system/bin/agent', `#!${node}\n`);
    const tool = await link('system/bin/tool', '../../.nvm/versions/node/v20/bin/node');
    expect(ofSystem.forProgram(tool)).toEqual([readable('.nvm/versions/node/v20')]);
    expect(ofSystem.forProgram(agent)).toEqual([readable('.nvm/versions/node/v20')]);
    const programs = await link('profile/bin', at('system/bin'));
    expect(ofSystem.forPath(programs)).toEqual([{ kind: 'link', path: programs, target: at('system/bin') }]);
  });

  test('a relative link in a folder that is a link starts where that folder is', async () => {
    await file('dotfiles/lib/agent');
    await link('dotfiles/bin/agent', '../lib/agent');
    await link('bin', 'dotfiles/bin');
    expect(visible.forFile(at('bin/agent'))).toEqual([
      { kind: 'link', path: at('bin/agent'), target: at('dotfiles/lib/agent') },
      readable('dotfiles/lib/agent'),
    ]);
  });

  test('a home folder by another name is not shown, nor is the state', async () => {
    await file('shop/.promptos/state/journal');
    await file('.local/lib/python3.12/os.py');
    const alias = `${home}-alias`;
    await symlink(home, alias);
    try {
      expect(visible.forPath(join(alias, '.local/bin'))).toEqual([]);
      expect(visible.forFile(join(alias, 'shop/.promptos/state/journal'))).toEqual([]);
    } finally {
      await rm(alias);
    }
  });

  test('links in a circle end', async () => {
    await link('a', at('b'));
    expect(visible.forFile(await link('b', at('a'))).every(({ kind }) => kind === 'link')).toBe(true);
  });
});
