/** What a search ranks is written for every target, or refused with a reason, and planner's own rules find no fault in it. */
import { describe, expect, it } from 'vitest';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import type { Problem, RuntimeName } from '../../src/plan/problem.ts';
import { emit, emitTargets } from '../../src/runtimes/emit.ts';
import type { Launcher } from '../../src/runtimes/emit-types.ts';
import { latestVersion } from '../../src/runtimes/registry.ts';
import { createSearchCosts } from '../../src/search/costs.ts';
import { searchPlans } from '../../src/search/search.ts';
import { defaultControls } from '../../src/search/search-types.ts';
import { presetCluster, presetModel, problemOf } from '../search/problems.ts';
import { launchFile, validated } from './emission.ts';

/** The files that state a layout; scripts where there is none. */
const files = ['train.toml', 'plan.yaml', 'ds_config.json', 'accelerate.yaml'];
const launchers: readonly Launcher[] = ['torchrun', 'slurm', 'jobset', 'pytorchjob'];

const problem = (runtime: RuntimeName, model: string, accelerator: string): Problem =>
  problemOf(
    presetModel(model, model === 'deepseek-v3' ? 5 : 8),
    presetCluster(accelerator, 2),
    {
      globalBatchSize: 32,
      sequenceLength: 2048,
      runtime: { name: runtime, version: latestVersion(runtime) },
      ...(accelerator.startsWith('v100') ? { precision: 'fp16', attentionKernel: 'unfused' } : {}),
    },
    { top: 3, limits: { overlapGradients: [true], offload: ['none'], microBatchSize: [1] } },
  );

describe.each([
  ['megatron', 'llama3-8b', 'h100-sxm-80gb'],
  ['megatron', 'llama3-8b', 'v100-sxm-32gb'],
  ['megatron', 'gpt3-175b', 'a100-sxm-80gb'],
  ['megatron', 'mixtral-8x7b', 'gb200-186gb'],
  ['megatron', 'deepseek-v3', 'h800-sxm-80gb'],
  ['fsdp', 'llama3-8b', 'h100-sxm-80gb'],
  ['torchtitan', 'llama3-8b', 'h100-sxm-80gb'],
  ['torchtitan', 'mixtral-8x7b', 'h100-sxm-80gb'],
  ['nanotron', 'llama3-8b', 'a100-sxm-80gb'],
  ['deepspeed', 'llama3-8b', 'a100-sxm-80gb'],
] as const)('plans for %s: %s on %s', (runtime, model, accelerator) => {
  const given = problem(runtime, model, accelerator);
  const { plans } = searchPlans(given, createSearchCosts(given, defaultCalibration()), {
    ...defaultControls,
    exhaustive: false,
  });

  it('are written, and none of what is written breaks a rule', () => {
    expect(plans.length).toBeGreaterThan(0);
    const faults: string[] = [];
    const written = new Set<string>();
    for (const plan of plans)
      for (const target of emitTargets)
        for (const launcher of launchers) {
          const emission = emit(plan, given, { target, launcher });
          const name = `plan ${plan.rank}, ${target}, ${launcher}`;
          if (emission.unsupported !== null) {
            if (emission.files.length > 0 || emission.unsupported === '') faults.push(`${name}: no reason`);
            continue;
          }
          written.add(target);
          const file = files.find((one) => launchFile(emission, one) !== '') ?? 'train.sh';
          const report = validated({ name, plan, problem: given }, file, launchFile(emission, file));
          const errors = report.findings.filter(({ level }) => level === 'error');
          if (report.subjects.length !== 1 || report.verdict === 'invalid' || errors.length > 0)
            faults.push(`${name}: ${errors.map(({ rule, message }) => `${rule} ${message}`).join('; ')}`);
        }
    expect(faults).toEqual([]);
    // The runtime of the plan can always run it.
    expect([...written]).toContain(runtime === 'fsdp' ? 'accelerate' : runtime);
  });
});
