/**
 * OpenSSL silently cuts a longer passphrase of a PEM file down to this: `openssl` itself could not open the key any
 * more, and a shorter text would.
 */
export const MAX_PASSPHRASE_BYTES = 1_024;
