import process from 'node:process';
import { Worker } from '@temporalio/worker';
import { gateProbe, PROBE_FILE } from './gate-probe.js';

// Loaded into a worker whose gates are measured, before its own code.
const file = process.env[PROBE_FILE];
const create = Worker.create.bind(Worker);
if (file !== undefined) {
  Worker.create = (options) => {
    const { interceptors = {} } = options;
    const activity = [...(interceptors.activity ?? []), gateProbe(file)];
    return create({ ...options, interceptors: { ...interceptors, activity } });
  };
}
