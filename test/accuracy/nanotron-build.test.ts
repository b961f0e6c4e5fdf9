import { describe, expect, it } from 'vitest';
import { recordProblem } from '../../src/accuracy/record-problem.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import { varied } from './measured-record.ts';
import type { Json } from './measured-record.ts';

const hostRunsAhead = (changes: Readonly<Record<string, Json>>): boolean | undefined => {
  const layout = { 'train.micro_batch': 1, 'train.global_batch': 256, 'parallel.pp': 4, 'parallel.tp': 4 };
  const [line] = parseMeasuredRuns(
    JSON.stringify(varied({ 'source.title': 'Nanotron Ultra-Scale Playbook', ...layout, ...changes })),
  );
  const recorded = line?.kind === 'run' ? recordProblem(line.run.configuration) : null;
  if (recorded?.ok !== true) throw new Error(recorded === null ? 'no run' : recorded.reason);
  return recorded.value.problem.training.conditions?.hostRunsAhead;
};

/** 32 layers of 4096 with a feed-forward width of 14336 and 128k words: 8B. */
const eight = {
  'model.layers': 32,
  'model.hidden': 4096,
  'model.ffn': 14336,
  'model.heads': 32,
  'model.kv_heads': 8,
};

describe('builds of the Nanotron sweep', () => {
  it('are told by parameters × GPUs, and by GPUs', () => {
    const small = { 'model.layers': 16, 'model.hidden': 2048, 'model.ffn': 8192, 'model.heads': 32 };
    expect(hostRunsAhead({ ...eight, 'cluster.gpus': 128, 'parallel.dp': 8 })).toBe(true);
    expect(hostRunsAhead({ ...eight, 'cluster.gpus': 256, 'parallel.dp': 16 })).toBe(false);
    expect(hostRunsAhead({ ...small, 'cluster.gpus': 256, 'parallel.dp': 16 })).toBe(true);
    expect(hostRunsAhead({ ...small, 'cluster.gpus': 512, 'parallel.dp': 32 })).toBe(false);
  });
});
