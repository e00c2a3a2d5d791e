/** An option of a permission request, as agents name them. */
interface ScriptedOption {
  readonly optionId: string;
  readonly name: string;
  readonly kind: 'allow_once' | 'allow_always' | 'reject_once' | 'reject_always';
}

/** One thing that the stand-in agent does in a turn. */
export type Step =
  | { readonly do: 'say' | 'think'; readonly text: string; readonly messageId?: string }
  /** Any `session/update`, as it is sent. */
  | { readonly do: 'update'; readonly update: Readonly<Record<string, unknown>> }
  /** Asks for permission; `granted` is done where the answer is one of its kind. */
  | {
      readonly do: 'ask';
      readonly tool: Readonly<Record<string, unknown>>;
      readonly options: readonly ScriptedOption[];
      readonly granted?: readonly Step[];
    }
  /** Writes a file by itself. */
  | { readonly do: 'edit'; readonly path: string; readonly text: string }
  /** Calls the client; what comes back is said as `heard NAME: JSON`. */
  | { readonly do: 'call'; readonly method: string; readonly params: Readonly<Record<string, unknown>> }
  /** Runs a command in a terminal of the client, waits for it, and says what it printed. */
  | { readonly do: 'run'; readonly params: Readonly<Record<string, unknown>> }
  | { readonly do: 'fail'; readonly code: number; readonly message: string; readonly data?: unknown }
  | { readonly do: 'exit'; readonly code: number; readonly complaint?: string }
  /** Says so many bytes, in updates of 64 KiB. */
  | { readonly do: 'flood'; readonly bytes: number }
  | { readonly do: 'print'; readonly text: string }
  /** Never ends; a cancellation is written to the file and ends the turn. */
  | { readonly do: 'hang'; readonly noteCancel?: string };

/** What the stand-in agent does. It throws when it is asked for more turns than there are. */
export interface AgentScript {
  readonly protocolVersion?: number;
  readonly authMethods?: readonly { readonly id: string; readonly name: string }[];
  /** Members of the answer to `session/new` besides the id. */
  readonly session?: Readonly<Record<string, unknown>>;
  /** Printed before anything is answered. */
  readonly banner?: string;
  /** Answers nothing at all. */
  readonly deaf?: true;
  /** Asks for authentication until it got this method. */
  readonly requiresAuth?: string;
  readonly exitAtStart?: { readonly code: number; readonly complaint: string };
  readonly turns: readonly {
    readonly steps: readonly Step[];
    /** Members of the answer to the prompt. */
    readonly answer?: Readonly<Record<string, unknown>>;
  }[];
}
