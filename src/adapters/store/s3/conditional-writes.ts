import { PromptOsError } from '../../../contracts/errors.js';
import type { S3Bucket } from './s3-bucket.js';

const PROBE_KEY = 'conditional-writes';
const PROBE_TEXT = 'That this object is written only once shows that the server keeps If-None-Match.\n';

/**
 * Refuses a server that takes a conditional write and ignores the condition: journals and published runs would be
 * overwritten there without a word. One small object stays, so that later checks are one request.
 * @throws PromptOsError STORE_NOT_WRITABLE
 */
export async function checkConditionalWrites(bucket: S3Bucket): Promise<void> {
  const write = () => bucket.put(PROBE_KEY, new TextEncoder().encode(PROBE_TEXT), { ifAbsent: true });
  if (!(await write()) || !(await write())) return;
  throw new PromptOsError(
    'STORE_NOT_WRITABLE',
    `The server of ${bucket.place.url} overwrites what a conditional write (If-None-Match) must not.`,
    { hint: 'Use AWS S3, or a server that keeps conditional writes; docs/stores.md names some.' },
  );
}
