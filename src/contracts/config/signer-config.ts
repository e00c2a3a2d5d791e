import { z } from 'zod';
import { policyKeySchema } from '../keys.js';

export const ENGINE_SIGNER = 'engine';

const passphraseFileSchema = z
  .string()
  .min(1)
  .optional()
  .describe('the file that holds the passphrase of the key; a worker cannot ask for it');

/** Where a worker has a private key from. */
export const signerConfigSchema = z.union([
  z.strictObject({
    file: z.string().min(1).describe('a private Ed25519 key: PKCS#8 PEM or OpenSSH, mode 0600'),
    passphrase_file: passphraseFileSchema,
  }),
  z.strictObject({
    env: z
      .string()
      .regex(
        /^(?!PROMPTOS_)[A-Za-z_][A-Za-z0-9_]*$/,
        'expected the name of a variable that does not begin with PROMPTOS_',
      )
      .describe('the variable that holds the text of such a file'),
    passphrase_file: passphraseFileSchema,
  }),
  z.strictObject({
    agent: z.literal(true).describe('the ssh-agent that SSH_AUTH_SOCK names'),
    public: policyKeySchema.shape.public.optional().describe('the public key to use, when the agent has several'),
  }),
]);
export type SignerConfig = z.infer<typeof signerConfigSchema>;
