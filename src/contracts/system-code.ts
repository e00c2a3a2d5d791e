/** What the operating system calls an error, such as `ENOENT`; null for an error that is not the system's. */
export function systemCode(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' && /^E[A-Z\d]{2,}$/.test(code) ? code : null;
}
