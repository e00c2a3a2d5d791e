import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { isMap, parse, parseDocument } from 'yaml';
import { eventually } from '../support/governed-worker.js';
import { pageBlocks } from '../support/page-blocks.js';
import type { Party } from '../support/parties.js';
import { findS3Server, S3_BUCKET, S3_CREDENTIALS } from '../support/s3-server.js';
import { createTeamSite, type TeamSite } from '../support/team-site.js';

/*
 * The commands of docs/team.md in their order, as they are printed but for the addresses and the access key of the example.
 * Each party has a home folder and, where the tests run as root, a user of its own.
 */

const program = await findS3Server();
const page = await readFile(fileURLToPath(new URL('../../docs/team.md', import.meta.url)), 'utf8');
const ROLES = ['writer', 'verifier', 'reviewer'] as const;
const WORKERS = ['engine', ...ROLES] as const;
const PEOPLE = ['ada', 'grace', 'henry'] as const;
const GATES = ['P00', 'P01', 'P03', 'P05', 'P06', 'P07'];

describe.skipIf(program === null)('docs/team.md (skipped without Go, which builds the S3 server)', () => {
  let site: TeamSite;
  let queue: string;
  const parties = new Map<string, Party>();
  const party = (name: string): Party => {
    const found = parties.get(name);
    if (found === undefined) throw new Error(`there is no party ${name}`);
    return found;
  };

  /** A block of the page with the addresses of this test. */
  const block = (heading: string, language = 'sh', index = 0): string => {
    const text = pageBlocks(page, `## ${heading}`, language)[index];
    if (text === undefined) throw new Error(`"${heading}" has no block ${index} of ${language}`);
    const replaced = [
      ['temporal.example.org:7233', inject('temporalAddress')],
      ['git@git.example.org:acme/shop.git', site.repositoryUrl],
      ['https://git.example.org/acme/shop.git', site.repositoryUrl],
      ['https://s3.example.org:9000', site.s3Endpoint],
      ['acme-governed-runs', S3_BUCKET],
      ['task_queue: shop', `task_queue: ${queue}`],
      ['an-access-key', S3_CREDENTIALS.AWS_ACCESS_KEY_ID],
      ['a-secret-key', S3_CREDENTIALS.AWS_SECRET_ACCESS_KEY],
    ] as const;
    return replaced.reduce((changed, [example, own]) => changed.replaceAll(example, own), text);
  };
  const done = (name: string, script: string, cwd?: string, env?: Readonly<Record<string, string>>): string => {
    const { status, stdout, stderr } = party(name).run(script, cwd, env);
    expect({ name, script, status, stdout, stderr }).toMatchObject({ status: 0 });
    return stdout;
  };
  const keyName = (worker: string): string => (worker === 'engine' ? worker : `${worker}-agent`);
  const publicLine = async (name: string): Promise<string> => {
    const worker = WORKERS.find((each) => keyName(each) === name);
    const folder = worker === undefined ? '.config/promptos/keys' : 'shop-worker/keys';
    return (await readFile(join(party(worker ?? name).home, folder, `${name}.pub`), 'utf8')).trim();
  };
  const probesOf = (name: string, setting = ''): readonly Record<string, string>[] => {
    const { stdout } = party(name).run(`${setting} promptos doctor --json`, 'shop');
    return (JSON.parse(stdout) as { probes: Record<string, string>[] }).probes;
  };

  beforeAll(async () => {
    site = await createTeamSite(program as string);
    queue = `shop-${process.pid}`;
    const profile = block('1. Temporal and the bucket');
    const workerHome = block('2. Keys').split('\n')[0] ?? '';
    for (const name of WORKERS) parties.set(name, await site.party(name, `${profile}${workerHome}`));
    for (const name of PEOPLE) parties.set(name, await site.party(name, profile));
    parties.set('ci', await site.party('ci', ''));
  });
  afterAll(() => site?.close());

  test('a run of a team: keys, policy, workers, decisions, pull request and CI, by the commands of the page', async () => {
    for (const name of WORKERS) done(name, block('2. Keys'), '.', { NAME: keyName(name) });
    for (const name of PEOPLE) done(name, block('2. Keys', 'sh', 1), '.', { NAME: name });

    done('ada', block('3. The policy'), '.', { GRACE: await publicLine('grace') });
    const own = join(party('ada').home, 'shop/.promptos');
    await editPolicy(join(own, 'policy.yaml'), block('3. The policy', 'yaml'), publicLine);
    await writeFile(join(own, 'worker.yaml'), block('3. The policy', 'yaml', 1));
    done('ada', block('3. The policy', 'sh', 1), 'shop');
    const base = done('ada', 'git rev-parse HEAD', 'shop').trim();

    // What is missing is named: workers, a commit that was not pushed, credentials.
    done('ada', 'git commit --quiet --allow-empty -m more', 'shop');
    const missing = probesOf('ada', 'AWS_SECRET_ACCESS_KEY=wrong');
    const expected = [
      {
        name: 'workers',
        status: 'warn',
        message: expect.stringContaining(`no worker polls ${queue} (the run itself)`),
      },
      { name: 'base commit', status: 'warn', next: expect.stringMatching(/git push origin main$/) },
      { name: 'store', status: 'fail', message: expect.stringContaining('secret access key does not fit') },
    ];
    for (const probe of expected) expect(missing).toContainEqual(expect.objectContaining(probe));
    done('ada', 'git reset --quiet --hard origin/main', 'shop');

    for (const name of ROLES) done(name, block('4. The workers'), '.', { ROLE: name });
    done('engine', block('4. The workers', 'sh', 1));
    const working = WORKERS.map((name) => party(name).start(block('4. The workers', 'sh', 2), 'shop-worker'));
    for (const worker of working) await worker.shown(/^ready$/m);
    for (const name of WORKERS) {
      const keys = readdirSync(join(party(name).home, 'shop-worker/keys'));
      expect(keys.sort()).toEqual([`${keyName(name)}.pem`, `${keyName(name)}.pub`]);
    }
    const polled = async () =>
      probesOf('ada').find(({ name, status }) => name === 'workers' && status === 'ok') ?? null;
    await eventually(polled, 'the workers to be seen by doctor');

    const dev = party('ada').start(block('5. A run'), 'shop');
    const [, run = ''] = await dev.shown(/^run {5}(\S+)$/m);
    for (const name of ['grace', 'henry']) done(name, block('6. The decisions'));
    for (const gate of GATES) {
      await dev.shown(new RegExp(`approve ${run} --gate ${gate} --as NAME`));
      if (gate === 'P00') {
        const refused = party('ada').run('promptos approve latest --gate P00 --as ada', 'shop');
        expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('DECISION_REFUSED') });
      }
      for (const name of gate === 'P05' ? ['grace', 'henry'] : ['grace']) {
        const decided = done(name, block('6. The decisions', 'sh', 1), 'shop', { GATE: gate, NAME: name });
        expect(decided).toContain('counted');
      }
    }
    expect(await dev.ended()).toBe(0);
    expect(dev.stdout()).toContain('APPROVED');

    done('grace', block('7. The pull request'), 'shop', { RUN: run });
    const head = done('grace', 'git rev-parse HEAD', 'shop').trim();
    const body = await readFile(join(party('grace').home, 'pr-body.md'), 'utf8');
    await writeFile(join(party('ci').home, 'pr-body.md'), body, { mode: 0o644 });
    const checked = done('ci', block('8. CI'), '.', { BASE: base, HEAD: head, RUN: run });
    expect(checked).toContain('\nVerified: ');
    expect(checked).toContain('none of them ungoverned');
    const traced = done('ci', `promptos trace "$RUN" --bundle "../$RUN.tar" --policy ../policy.yaml`, 'shop.git', {
      RUN: run,
    });
    expect(traced).toMatch(/grace[\s\S]*henry/);
  }, 400_000);
});

/** Puts the parts that the page shows into the policy that `init` wrote, with the keys of the parties. */
async function editPolicy(path: string, parts: string, lineOf: (name: string) => Promise<string>): Promise<void> {
  const policy = parseDocument(await readFile(path, 'utf8'));
  const names = [...parts.matchAll(/ssh-ed25519 AAAA… (\S+)/g)].map(([, name = '']) => name);
  let text = parts;
  for (const name of names) text = text.replace(`ssh-ed25519 AAAA… ${name}`, await lineOf(name));
  const put = (place: readonly string[], value: unknown): void => {
    const isParts = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isParts && isMap(policy.getIn(place))) {
      for (const [key, part] of Object.entries(value)) put([...place, key], part);
    } else policy.setIn(place, value);
  };
  for (const [key, value] of Object.entries(parse(text) as Record<string, unknown>)) put([key], value);
  await writeFile(path, policy.toString());
}
