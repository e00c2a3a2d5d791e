import { parentPort, workerData } from 'node:worker_threads';
import { judgeChange } from '../rules/judge-change.js';
import type { JudgedPatch } from '../rules/patch-rule.js';

/** The thread of `judgeChangeApart`: judges the one patch that it is given, answers, and ends. */
parentPort?.postMessage(judgeChange(workerData as JudgedPatch));
