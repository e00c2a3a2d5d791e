// Plain CommonJS: Node requires this file by path, and the workflow bundle takes it in as it is.
const { defaultPayloadConverter } = require('@temporalio/common');

const UNDECODABLE_KEY = 'promptos:undecodable';

/**
 * The default converter, but a payload that cannot be decoded becomes a marked value instead of an exception: thrown
 * inside a workflow task, that exception would fail the task for ever and wedge the run.
 */
exports.payloadConverter = {
  toPayload: (value, context) => defaultPayloadConverter.toPayload(value, context),
  fromPayload: (payload, context) => {
    try {
      return defaultPayloadConverter.fromPayload(payload, context);
    } catch (error) {
      return { [UNDECODABLE_KEY]: String(error?.message ?? error).slice(0, 200) };
    }
  },
};
