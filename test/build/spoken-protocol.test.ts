import { expect, test } from 'vitest';
import { spokenProtocol } from '../../src/build/spoken-protocol.js';

interface Node {
  readonly nested?: Readonly<Record<string, Node>>;
  readonly methods?: object;
}

const at = (json: string, path: string): Node | undefined =>
  path.split('.').reduce<Node | undefined>((node, name) => node?.nested?.[name], {
    nested: JSON.parse(json) as Record<string, Node>,
  });

const SERVICE = 'temporal.api.workflowservice.v1';

test('spokenProtocol: a call that the code names, with all that its messages are made of', () => {
  const json = spokenProtocol(`proto.${SERVICE}.WorkflowService; await workflowService.describeWorkflowExecution({})`);
  expect(at(json, `${SERVICE}.WorkflowService`)?.methods).toEqual({
    DescribeWorkflowExecution: expect.objectContaining({ responseType: 'DescribeWorkflowExecutionResponse' }),
  });
  for (const path of [
    `${SERVICE}.DescribeWorkflowExecutionRequest`,
    'temporal.api.workflow.v1.WorkflowExecutionInfo',
    'temporal.api.enums.v1.WorkflowExecutionStatus',
    'google.protobuf.Timestamp',
  ]) {
    expect(at(json, path), path).toBeDefined();
  }
  for (const path of [`${SERVICE}.StartWorkflowExecutionRequest`, 'coresdk', 'temporal.api.cloud']) {
    expect(at(json, path), path).toBeUndefined();
  }
});

test('spokenProtocol: what the code names in full is there, within what holds it', () => {
  const json = spokenProtocol('proto.temporal.api.workflow.v1.VersioningOverride.PinnedOverrideBehavior.decode(x)');
  expect(at(json, 'temporal.api.workflow.v1.VersioningOverride.PinnedOverrideBehavior')).toBeDefined();
  expect(at(json, SERVICE)).toBeUndefined();
  expect(at(json, 'temporal.api.history')).toBeUndefined();
});
