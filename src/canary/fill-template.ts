/*
 * Credentials as templates. They are filled with generated characters at run time, so that no scanner takes the source for a
 * leak.
 */

const ALPHABETS: Readonly<Record<string, string>> = {
  w: 'q7Rk2VxT9mZp4LwB8nHs3JdF6cGy1aUe0oKiXr5EtYbSvQgNhMjPuWzDfClAOI',
  h: '7c2e9b41f08d6a53',
  U: 'Q7RK2VXT9MZP4LWB8NHS3JDF6CGY1AUE0OKI5',
  l: 'q7rk2vxt9mzp4lwb8nhs3jdf6cgy1aue0oki5',
  d: '7294018365',
  b: 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L',
};

/**
 * `{w20}`: 20 generated characters; w letters and digits, h hexadecimal, U upper case, l lower case, d digits, b bech32.
 * `^` is removed: it keeps prefixes apart in the source.
 */
export function fillTemplate(template: string): string {
  let seed = 7;
  const filled = template.replace(/\{([whUldb])(\d+)\}/g, (_, kind: string, length: string) => {
    const alphabet = ALPHABETS[kind] ?? '';
    return Array.from({ length: Number(length) }, () => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return alphabet[(seed >>> 16) % alphabet.length];
    }).join('');
  });
  return filled
    .replace(/\{base64:([^}]*)\}/g, (_, text: string) => Buffer.from(text).toString('base64'))
    .replaceAll('^', '');
}
