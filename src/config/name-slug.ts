/**
 * A name as principals and repositories have it: a name that fits already stays as it is; `Ada Lovelace` becomes
 * `ada-lovelace`, `Zoë` becomes `zoe`.
 * @returns null when nothing of the text can be typed
 */
export function slugName(text: string): string | null {
  const given = text.trim();
  if (/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/.test(given)) return given;
  const slug = given
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9._@+]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 64)
    .replace(/-+$/, '');
  return slug === '' ? null : slug;
}
