import { startTestServer } from './temporal.js';

const { address, folder } = await startTestServer();
console.log(JSON.stringify({ address, folder }));
await new Promise(() => setInterval(() => {}, 60_000));
