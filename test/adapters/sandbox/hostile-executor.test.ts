import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ProgramStarter } from '../../../src/adapters/platform/program-starter.js';
import { systemCallFilter } from '../../../src/adapters/sandbox/system-call-filter.js';
import { isRunning, untilDone } from '../platform/processes.js';
import { type Box, createBox } from './box.js';

let box: Box;
let server: Server;
let port: number;

beforeAll(async () => {
  box = await createBox();
  server = createServer((socket) => socket.end('reached')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as { port: number }).port;
});
afterAll(async () => {
  server.close();
  await box.close();
});
/** Whatever a program did, the worker serves the next one. */
afterEach(async () => {
  expect(await box.sh('echo well')).toMatchObject({ ended_by: 'itself', exit_code: 0, stdout: 'well\n' });
});

/** Runs a script of node inside, which prints what it came to. */
const node = (script: string, more: Parameters<Box['run']>[1] = {}) => box.run(['node', '-e', script], more);

describe.runIf(process.platform === 'linux')('hostile executor', () => {
  test('files: keys, home, state, repository and other checkouts are not there', async () => {
    const other = join(box.root, 'other-checkout');
    await writeFile(other, 'of another run');
    const places = [
      box.key,
      homedir(),
      join(box.state, 'journal'),
      join(box.repository, 'notes.txt'),
      other,
      '/run',
      '/var',
    ];
    const { stdout } = await node(
      `for (const path of ${JSON.stringify(places)}) { try { require('fs').lstatSync(path); console.log('seen', path); } catch (error) { console.log(error.code); } }`,
    );
    expect(stdout.trim().split('\n')).toEqual(places.map(() => 'ENOENT'));
  });

  test('files: a named file brings neither the store nor a key along, whatever folder it is in', async () => {
    await writeFile(join(box.root, 'agent.js'), '');
    const { stdout } = await box.sh(
      `cat ${box.key} ${box.state}/journal ${box.repository}/notes.txt; ls ${box.state}`,
      {
        shows: [box.root, box.key, box.state],
      },
    );
    // The way to its own scratch folder.
    expect(stdout).toBe('scratch\n');
  });

  test.runIf(process.getuid?.() === 0)(
    'files: what only root may read of /etc stays hidden from a worker of root',
    async () => {
      const { stdout, exit_code } = await box.sh('cat /etc/passwd > /dev/null && cat /etc/shadow /etc/gshadow');
      expect([stdout, exit_code]).toEqual(['', 1]);
    },
  );

  test('files: nothing outside of the checkout and the scratch folder can be written', async () => {
    const places = [
      '/usr/x',
      '/etc/x',
      '/x',
      '/dev/x',
      '/proc/sys/kernel/core_pattern',
      '/proc/sysrq-trigger',
      '/opt/x',
    ];
    const { stdout } = await box.sh(
      `for f in ${places.join(' ')}; do (echo core > $f) 2>/dev/null && echo "wrote $f"; done; echo in > in.txt; echo s > $HOME/s.txt`,
    );
    expect(stdout).toBe('');
    expect(readFileSync(join(box.checkout, 'in.txt'), 'utf8')).toBe('in\n');
    expect(readFileSync(join(box.scratch, 's.txt'), 'utf8')).toBe('s\n');
  });

  test('files: no device, no hard link to what is outside; a link leads nowhere', async () => {
    const { stdout } = await box.sh(
      [
        'mknod disk b 8 0 2>/dev/null && echo device; mknod null c 1 3 2>/dev/null && echo device',
        'ln /etc/passwd hard 2>/dev/null && echo hard',
        `ln -s ${box.key} soft; cat soft 2>/dev/null`,
        'mkfifo pipe && echo pipe',
      ].join('; '),
    );
    expect(stdout).toBe('pipe\n');
    expect(readdirSync(box.checkout).filter((name) => ['disk', 'null', 'hard'].includes(name))).toEqual([]);
    expect(lstatSync(join(box.checkout, 'soft')).isSymbolicLink()).toBe(true);
  });

  test('git: hooks and configuration of the checkout run in the sandbox alone', async () => {
    const git = (...args: string[]) => execFileSync('git', ['-C', box.checkout, ...args]);
    git('init', '-q');
    const { exit_code } = await box.sh(
      `printf '#!/bin/sh\\ncat ${box.key} > stolen; echo ran > ran\\n' > .git/hooks/post-commit; chmod +x .git/hooks/post-commit;
       git -c user.name=t -c user.email=t@example.org commit -q --allow-empty -m x`,
    );
    expect([exit_code, existsSync(join(box.checkout, 'ran'))]).toEqual([0, true]);
    expect(readFileSync(join(box.checkout, 'stolen'), 'utf8')).toBe('');
  });

  test('worker: neither its environment nor its memory, nor any of its processes, can be seen', async () => {
    const script = `
      const fs = require('fs');
      const own = fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
      const environs = own.map((pid) => { try { return fs.readFileSync('/proc/' + pid + '/environ', 'utf8'); } catch { return ''; } });
      console.log(JSON.stringify({ count: own.length, leaked: environs.some((text) => text.includes('VITEST')) }));
      for (const path of ['/proc/${process.pid}/environ', '/proc/${process.pid}/mem', '/proc/kcore']) {
        try { fs.readFileSync(path); console.log('read', path); } catch (error) { console.log(error.code); }
      }`;
    const [seen = '{}', ...rest] = (await node(script)).stdout.trim().split('\n');
    expect(JSON.parse(seen)).toMatchObject({ leaked: false });
    expect(JSON.parse(seen).count).toBeLessThanOrEqual(3);
    expect(rest.slice(0, 2)).toEqual(['ENOENT', 'ENOENT']);
    expect(rest[2]).toMatch(/^E/);
  });

  test('worker: it cannot be signalled; no number of it exists inside, and the group of the program is its own', async () => {
    const bystander = spawn('sleep', ['60']);
    await box.sh(`kill -9 ${bystander.pid} ${process.pid} $PPID 1 2>/dev/null; kill -9 -1 2>/dev/null; kill -9 0`);
    expect(isRunning(bystander.pid ?? 0)).toBe(true);
    bystander.kill();
    const group = await box.sh('trap "" TERM; kill -TERM 0; echo on');
    expect(group).toMatchObject({ exit_code: 0, stdout: 'on\n' });
  });

  test('privileges: none can be had: no capability, no set-uid, no user namespace, no mount', async () => {
    const { stdout } = await box.sh(
      'grep -E "^(CapEff|CapPrm|CapBnd|CapAmb|NoNewPrivs)" /proc/self/status; unshare -U true 2>/dev/null && echo namespace; mount -t tmpfs x /tmp 2>/dev/null && echo mount; chroot / true 2>/dev/null && echo chroot; true',
    );
    expect(stdout).toMatch(/^(?:Cap\w+:\t0+\n){4}NoNewPrivs:\t1\n$/);
  });

  test('network: loopback ports of the machine, names, routes and abstract sockets do not exist', async () => {
    const abstract = createServer((socket) => socket.end('reached')).listen('\0promptos-box-test');
    await once(abstract, 'listening');
    const script = `
      const net = require('net'), dns = require('dns');
      const attempt = (name, connect) => new Promise((done) => {
        const socket = connect(); let text = '';
        socket.on('data', (chunk) => { text += chunk; }).on('error', (error) => done(name + ' ' + error.code)).on('close', () => done(name + ' ' + text));
      });
      (async () => {
        console.log(await attempt('loopback', () => net.connect(${port}, '127.0.0.1')));
        console.log(await attempt('temporal', () => net.connect(7233, '127.0.0.1')));
        console.log(await attempt('route', () => net.connect(53, '192.0.2.1')));
        console.log(await attempt('abstract', () => net.connect('\\0promptos-box-test')));
        console.log('dns ' + await dns.promises.resolve4('example.com').then(() => 'reached', (error) => error.code));
        console.log(Object.keys(require('os').networkInterfaces()).join());
      })();`;
    const { stdout } = await node(script);
    abstract.close();
    expect(stdout).not.toContain('reached');
    expect(stdout.trim().split('\n')).toEqual([
      'loopback ECONNREFUSED',
      'temporal ECONNREFUSED',
      'route ENETUNREACH',
      'abstract ECONNREFUSED',
      expect.stringMatching(/^dns E/),
      'lo',
    ]);
  });

  test.runIf(existsSync('/usr/bin/python3'))('network: no raw and no packet socket', async () => {
    const { stdout } = await box.run([
      '/usr/bin/python3',
      '-c',
      'import socket\nfor f,t,p in ((socket.AF_INET,socket.SOCK_RAW,1),(socket.AF_PACKET,socket.SOCK_RAW,3)):\n  try:\n    socket.socket(f,t,p); print("made")\n  except OSError as e: print(type(e).__name__)',
    ]);
    expect(stdout).toBe('PermissionError\nPermissionError\n');
  });

  test('network: full has the network of the machine', async () => {
    const script = `require('net').connect(${port}, '127.0.0.1').on('data', (chunk) => console.log(String(chunk)));`;
    expect((await node(script, { network: 'full' })).stdout).toBe('reached\n');
  });

  test('limits: too much memory stops the program, and says so', async () => {
    const result = await node('const all = []; for (;;) all.push(Buffer.alloc(8e6, 1));');
    expect(result).toMatchObject({
      ended_by: 'limit',
      limit: 'it used more than 268435456 bytes of memory (sandbox.limits.memory_bytes)',
    });
  });

  test.runIf(existsSync('/usr/bin/python3'))('limits: memory in files without a name counts', async () => {
    const script =
      'import os,time\nfor i in range(12):\n  f=os.memfd_create("x")\n  for j in range(3): os.write(f,b"x"*8000000)\n  time.sleep(0.1)\ntime.sleep(30)';
    const result = await box.run(['/usr/bin/python3', '-c', script]);
    expect(result).toMatchObject({ ended_by: 'limit', limit: expect.stringContaining('memory_bytes') });
  });

  test('limits: /tmp and shared memory are bounded', async () => {
    const fill = 'for i in 1 2 3 4; do head -c 30000000 /dev/zero > $d/f$i || echo full; done; rm -f $d/f*';
    const { stdout } = await box.sh(`for d in /tmp /dev/shm; do ${fill}; done`);
    expect(stdout).toBe('full\nfull\nfull\nfull\n');
  });

  test('limits: too much processor time stops the program, and says so', async () => {
    expect(await box.sh('while :; do :; done')).toMatchObject({
      ended_by: 'limit',
      signal: 'SIGXCPU',
      limit: 'it used more than 2 s of processor time (sandbox.limits.cpu_seconds)',
    });
  });

  test('limits: too many processes stop the program, and say so', async () => {
    // Not a bomb that doubles: where the limit failed, it would take the machine along.
    expect(await box.sh('i=0; while [ $i -lt 80 ]; do sleep 30 & i=$((i+1)); done; wait')).toMatchObject({
      ended_by: 'limit',
      limit: 'it used more than 64 processes and threads at a time (sandbox.limits.processes)',
    });
  });

  test('limits: the kernel refuses processes beyond the limit whatever the watch sees', async () => {
    const { stdout } = await box.sh('ulimit -p 2>/dev/null || ulimit -u');
    expect(Number(stdout)).toBe(96);
  });

  test('limits: a file that grows too large ends its writer', async () => {
    expect(await box.sh('exec head -c 80000000 /dev/zero > big')).toMatchObject({
      ended_by: 'limit',
      limit: 'it wrote a file of more than 33554432 bytes (sandbox.limits.file_bytes)',
    });
    await box.sh('rm -f big');
  });

  test('limits: too many bytes on disk stop the program, and say so', async () => {
    const result = await box.sh(
      'i=0; while [ $i -lt 400 ]; do head -c 4000000 /dev/zero > fill$i; i=$((i+1)); sleep 0.05; done',
    );
    expect(result).toMatchObject({
      ended_by: 'limit',
      limit: 'it used more than 100663296 bytes of disk (sandbox.limits.disk_bytes)',
    });
    await box.sh('rm -f fill*');
  });

  test('limits: files that were removed and are still open count on disk', async () => {
    const script = `const fs = require('fs');
      for (let i = 0; i < 6; i++) { const f = fs.openSync('gone' + i, 'w'); fs.unlinkSync('gone' + i); for (let j = 0; j < 3; j++) fs.writeSync(f, Buffer.alloc(8e6, 1)); }
      setTimeout(() => {}, 30000);`;
    expect(await node(script)).toMatchObject({ ended_by: 'limit', limit: expect.stringContaining('disk_bytes') });
  });

  test('limits: output without end stops the program', async () => {
    expect(await box.sh('yes', { max_output_bytes: 100_000 })).toMatchObject({ ended_by: 'output_cap' });
  });

  test('end: what forks twice, begins a session and clears its environment ends with the program', async () => {
    const mark = `promptos-box-${process.pid}`;
    const breakout = `env -i setsid setsid sh -c 'sleep 300; : ${mark}' >/dev/null 2>&1 &`;
    await box.sh(`${breakout} sleep 0.2`);
    const left = readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(mark);
      } catch {
        return false;
      }
    });
    expect(left).toEqual([]);
  });

  test('end: a program that was asked to end has time for it, and what ignores the request is killed', async () => {
    const polite = await box.sh('trap "echo bye; exit 3" TERM; sleep 100 & wait', { timeout_ms: 700 });
    expect(polite).toMatchObject({ ended_by: 'timeout', exit_code: 3, stdout: 'bye\n' });
    const deaf = await box.sh('trap "" TERM; while :; do sleep 1; done', { timeout_ms: 700 });
    expect(deaf).toMatchObject({ ended_by: 'timeout', signal: 'SIGKILL' });
  });

  test('end: a program dies with the launcher that started its guard', async () => {
    const own = await createBox();
    const marker = join(own.checkout, 'alive');
    const running = own.sh(`while :; do echo x >> ${marker}; sleep 0.05; done`).catch((error: unknown) => error);
    await untilDone(running, () => existsSync(marker));
    const guard = readdirSync('/proc').find((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(own.scratch);
      } catch {
        return false;
      }
    });
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${guard}/status`, 'utf8'))?.[1]);
    process.kill(parent, 'SIGKILL');
    expect(await running).toMatchObject({ code: 'EXECUTOR_LOST' });
    const size = lstatSync(marker).size;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(lstatSync(marker).size).toBe(size);
    expect(await own.sh('echo well')).toMatchObject({ stdout: 'well\n' });
    await own.close();
  });

  test('end: a program dies with its guard’s parent when no launcher is left to end it', async () => {
    let argv: readonly string[] = [];
    const programs: ProgramStarter = {
      start: (program) => {
        // Without the control group, which is gone by then.
        argv = program.argv.slice(program.argv.findIndex((word) => word.endsWith('/bwrap')));
        return box.launcher.start(program);
      },
    };
    const own = await createBox({}, { programs });
    const marker = join(own.checkout, 'alive');
    await own.sh(`echo $$; [ -e ${marker} ] || exit 0; while :; do echo x >> ${marker}; sleep 0.05; done`);
    await writeFile(marker, '');
    // What the launcher gives a guard: where it says what it started, and its filter of system calls.
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const;
    const parent = spawn('sh', ['-c', '"$@"; true', 'sh', ...argv], { stdio: [...stdio] });
    (parent.stdio[4] as Writable).end(systemCallFilter()?.program);
    await untilDone(once(parent, 'exit'), () => lstatSync(marker).size > 4);
    parent.kill('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { size } = lstatSync(marker);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(lstatSync(marker).size).toBe(size);
    await own.close();
  });

  test.runIf(existsSync('/usr/bin/python3'))('guard: a debugger gets at nothing but the program itself', async () => {
    const script =
      'import ctypes\nlibc=ctypes.CDLL(None,use_errno=True)\n' +
      `for pid in (${process.pid}, ${process.ppid}):\n  print(libc.ptrace(16,pid,0,0), ctypes.get_errno())`;
    expect((await box.run(['/usr/bin/python3', '-c', script])).stdout).toBe('-1 3\n-1 3\n');
  });
});
