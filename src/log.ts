import { DefaultLogger, type LogEntry, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { type Logger, pino } from 'pino';

const PINO_LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** A logger that writes JSON Lines to a stream or file descriptor. Errors stand under `error`, as Temporal names them. */
export const createLog = (level: string, destination: { write(line: string): void }): Logger =>
  pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: pino.stdSerializers.err } },
    destination,
  );

/**
 * Sends everything that workers and workflows log to `log`. Call it once in a process, before the first connection:
 * Temporal's runtime is a singleton.
 */
export function bridgeTemporalLog(log: Logger): void {
  Runtime.install({
    logger: new DefaultLogger('TRACE', ({ level, message, meta }: LogEntry) => {
      log[PINO_LEVELS[level]](meta ?? {}, message);
    }),
    // Without `forward` the native core prints lines of its own to standard error.
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) } },
    // The command line decides itself what a signal means.
    shutdownSignals: [],
  });
}
