import type { PatchRule } from './patch-rule.js';

/** A patch that changes nothing delivers nothing. */
export const emptyRule: PatchRule = {
  title: 'The patch changes something',
  escalates: false,
  judge: ({ patch }) =>
    patch.files.length > 0 && patch.bytes.length > 0
      ? []
      : [{ severity: 'high', blocking: true, message: 'The patch is empty: no file was changed.' }],
};
