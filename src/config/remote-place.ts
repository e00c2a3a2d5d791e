const WITH_SCHEME = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/:@]+)(?::\d+)?\/+(.+)$/i;
const SCP_LIKE = /^(?:[^/@:]+@)?([^/@:]{2,}):\/*(.+)$/;

/**
 * The host and the path of a repository's address. The forms of one repository for ssh and https give the same: a
 * developer often clones by the one, and a worker by the other. What has no host, such as a path, is given back as it is.
 */
export function remotePlace(url: string): string {
  const address = url
    .trim()
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
  const [, host, path] = WITH_SCHEME.exec(address) ?? SCP_LIKE.exec(address) ?? [];
  return host === undefined ? address : `${host.toLowerCase()}/${path}`;
}
