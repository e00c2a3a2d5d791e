import { expect, test } from 'vitest';
import { homePathsIn } from '../../../src/rules/secrets/home-paths.js';

const judged = (file: string, line: string): string => {
  const found = homePathsIn(line, file);
  return found.some(({ certain }) => certain) ? 'error' : found.length > 0 ? 'reported' : 'nothing';
};

test.each([
  ['src/a.ts', "open('/Users/jane.doe/src/x')"],
  ['src/a.ts', "const root = '/home/jane/project';"],
  ['src/a.ts', 'const home = "C:\\\\Users\\\\Jane\\\\src";'],
  ['a.bat', 'cd c:\\users\\jane\\src'],
  ['a.ps1', 'cd C:/Users/Jane Doe/src'],
  ['a.txt', 'C:\\Documents and Settings\\Jane\\x'],
  ['a.sh', 'cat /home/jane/.ssh/id_ed25519'],
  ['a.sh', 'export PATH=/usr/bin:/home/jane/bin'],
  ['a.sh', 'export HOME="/home/jane"'],
  ['a.sh', 'echo x >/home/jane/out.txt'],
  ['a.sh', 'source /Users/jane/.zshrc'],
  ['a.sh', 'cat /root/.profile'],
  ['a.sh', 'cd /mnt/c/Users/Jane/src'],
  ['a.sh', 'cd /c/Users/Jane/src'],
  ['a.sh', 'cd /var/home/jane/src'],
  ['Makefile', 'CFLAGS = -I/home/jane/include -L/Users/jane/lib'],
  ['README.md', 'see /home/jane'],
  ['README.md', '[the test](/Users/jane/src/app/a.test.ts)'],
  ['README.md', 'file:///home/jane/report.html'],
  ['README.md', 'vscode://file/Users/jane/src/a.ts'],
  ['a.py', 'df = pd.read_csv("/Users/jane/data.csv")'],
  ['a.py', 'os.chdir("/home/jane")'],
  ['a.json', '{"/Users/jane/src/app.js": {"s": 1}}'],
  ['a.js.map', '{"sources":["/home/jane/src/app.ts"]}'],
  ['a.log', 'at run (/Users/jane/src/app.js:10:3)'],
  ['a.ts', 'const text = "line\\n/home/jane/src";'],
  ['a.ts', "const p = '/home/jürgen/src';"],
  ['a.ts', "const p = '/home/Émile/src';"],
  ['compose.yaml', '      - /home/jane/src:/app'],
  ['.github/workflows/ci.yml', '  run: cd /Users/jane/src'],
  ['Dockerfile', 'COPY --from=x /Users/jane/src /src'],
  ['Dockerfile', 'ADD C:\\Users\\Jane\\x /x'],
])('homePathsIn: %s with %j is an error', (file, line) => {
  expect(judged(file, line)).toBe('error');
});

test.each([
  ['Dockerfile', 'WORKDIR /home/app'],
  ['Dockerfile', 'COPY settings.toml /root/.tool/settings.toml'],
  ['Dockerfile', 'RUN cp a /root'],
  ['docker/app.Dockerfile', 'ENV HOME=/root'],
  ['Dockerfile.dev', 'USER node\nWORKDIR /home/node/app'],
  ['Containerfile', 'VOLUME /home/postgres/data'],
  ['.github/workflows/ci.yml', '  path: /root/.cache/pip'],
  ['.github/workflows/ci.yml', '  path: /home/runner/work/_temp'],
  ['.github/workflows/ci.yml', '  HOME: /github/home'],
  ['.github/workflows/mac.yml', '  path: /Users/runner/Library/Caches'],
  ['.github/workflows/win.yml', '  path: C:\\Users\\runneradmin\\AppData'],
  ['.gitlab-ci.yml', '  - cp key /root/.ssh/id'],
  ['.circleci/config.yml', '  - store: /home/circleci/project'],
  ['Jenkinsfile', "sh 'ls /root/.m2'"],
  ['azure-pipelines.yml', '  - /home/vsts/work/1/s'],
  ['Vagrantfile', 'config.vm.synced_folder ".", "/home/vagrant/app"'],
  ['compose.yaml', '      - cache:/root/.cache'],
  ['.devcontainer/devcontainer.json', '"target": "/home/vscode/.cache"'],
  ['k8s/pod.yaml', '  mountPath: /root/.kube'],
  ['.gitignore', '/home/dist'],
  ['.dockerignore', '/root/x'],
  ['CODEOWNERS', '/home/page/ @team'],
  ['a.xml', '</root>'],
  ['a.ts', "const xml = '<root></root>';"],
  ['a.ts', "text += '</root >';"],
  ['a.xsl', '<xsl:template match="/root/item">'],
  ['a.py', 'tree.xpath("/root/item")'],
  ['a.ts', "import Page from '@/home/page';"],
  ['a.json', '{"$ref": "#/home/schema"}'],
  ['a.ts', 'fetch(`https://example.org/home/jane/x`)'],
  ['a.ts', `fetch(\`\${base}/Users/jane/x\`)`],
  ['a.ts', "const p = '/Users/' + name;"],
  ['a.ts', "router.get('/Users/:id/groups')"],
  ['a.ts', "client.get('/Users/2819c223-7f76-453a-919d-413861904646')"],
  ['README.md', 'cp x /home/user/.config, or /Users/yourname/.config'],
  ['README.md', 'C:\\Users\\Public\\x and C:\\Users\\%USERNAME%\\x'],
  ['a.ts', "fetch('/Users/me', { method: 'GET' })"],
  ['a.conf', 'the /homes of bees, ~/home, ./Users, src/home/page.ts, /root-cause'],
])('homePathsIn: %s with %j is nothing', (file, line) => {
  expect(judged(file, line)).toBe('nothing');
});

test.each([
  ['src/scim.ts', "export const home = '/home/dashboard';"],
  ['src/a.ts', "const settings = '/home/dashboard/settings';"],
  ['src/a.ts', "app.get('/home/jane/posts', show);"],
  ['src/a.ts', "fetch('/home/offers/today')"],
  ['src/a.tsx', '<Link to="/home/offers">'],
  ['src/a.tsx', '  href="/home/offers/today"'],
  ['src/a.html', '<img src="/home/offers/big.png">'],
  ['src/a.py', '@app.route("/home/offers/<id>")'],
  ['src/A.java', '@GetMapping("/Users/active/all")'],
  ['src/A.cs', '[HttpGet("/home/offers/all")]'],
  ['nginx.conf', 'location /home/offers/ {'],
  ['api.http', 'GET /Users/active HTTP/1.1'],
  ['api.md', 'POST /Users/active/reset'],
  ['api.md', '`/Users/active?filter=x`'],
  ['openapi.yaml', '  /home/offers:'],
  ['src/a.ts', "if (location.pathname === '/home/offers/today')"],
  ['src/a.ts', "redirectTo: '/home/offers/today'"],
  ['src/a.ts', "const url = base + '/home/offers/today';"],
  ['src/a.ts', "const route = '/root';"],
  ['README.md', 'docker run -v $PWD/cache:/root/.cache app'],
  ['README.md', 'docker run app ls /root/.cache'],
  ['README.md', '`WORKDIR /root/app`'],
  ['Dockerfile', 'RUN adduser builder2 && cd /home/builder2'],
  ['Dockerfile', 'WORKDIR /home/shop/src'],
  ['src/a.ts', "const slug = '/home/offers';"],
])('homePathsIn: %s with %j is reported without blocking', (file, line) => {
  expect(judged(file, line)).toBe('reported');
});

test('homePathsIn: a line of 200,000 characters takes less than a second', () => {
  const start = performance.now();
  for (const part of ['/home/a', '"/Users/', 'C:\\Users\\', '/root ', "fetch('/home/"]) {
    homePathsIn(part.repeat(200_000 / part.length), 'a.ts');
  }
  expect(performance.now() - start).toBeLessThan(5_000);
});
