import type { ToolList } from '../../../contracts/run/agent-work.js';

/** Where a call of a tool is reported. */
export type CallLocation =
  | {
      readonly kind: 'events';
      /** Pointer to the event within a message; a part `*` matches every member. */
      readonly at: string;
      /** Member of the event, and the values that make it a call. */
      readonly type: { readonly member: string; readonly is: readonly string[] };
      /** Pointer within the event to the name of the tool. */
      readonly name: string;
      /** Pointer within the event to the id of the call, where one call may be reported more than once. */
      readonly id?: string;
    }
  /** Pointer to an object that has, for each tool, how often it was called. */
  | { readonly kind: 'counts'; readonly at: string; readonly count: string };

/** Where a program reports the tools of its agent. RFC 6901 pointers into the JSON that was printed. */
export interface WorkLocation {
  /** The list of names. */
  readonly tools?: { readonly at: string; readonly listed_by: ToolList['listed_by'] };
  /** The list of servers, each with its `name`. */
  readonly mcp_servers?: string;
  readonly calls?: CallLocation;
  /** What the agent says that it runs with, by the name that the record has. */
  readonly settings?: Readonly<Record<string, string>>;
}
