import { expect, test } from 'vitest';
import { createTranscript } from '../../../src/boxed/acp/transcript.js';
import { createSessionUpdates } from '../../../src/boxed/acp/updates.js';

const updates = () => createSessionUpdates(createTranscript(() => undefined));
const announce = (call: object) => ({ update: { sessionUpdate: 'tool_call', ...call } });

test('updates: a permission request has the kind with which its call was announced', () => {
  const session = updates();
  session.take(announce({ toolCallId: 'c', kind: 'execute', title: 'Run' }));
  expect(session.toolCall({ toolCallId: 'c' })).toEqual({ id: 'c', kind: 'execute', title: 'Run' });
});

test('updates: a call without an id takes over nothing of another call without one', () => {
  const session = updates();
  session.take(announce({ kind: 'read', title: 'Read' }));
  expect(session.toolCall({})).toEqual({ id: '', kind: 'other', title: null });
});
