import process from 'node:process';

/** Only the first signal is caught: the second ends the process as it ends any other. */
export const stopSignal = (): Promise<void> =>
  new Promise((stop) => {
    const once = () => {
      process.off('SIGINT', once).off('SIGTERM', once);
      stop();
    };
    process.on('SIGINT', once).on('SIGTERM', once);
  });
