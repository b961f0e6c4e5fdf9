/** Measured loads and helpers that the sections of placement-report share. */
import { readFileSync, readdirSync } from 'node:fs';
import type { LayerPlacement, LayerProblem, ScenarioObjective } from '../../src/placement/layer-problem.ts';
import { dataPath } from '../../test/shared-data.ts';

const FOLDER = ['moe-routing', 'GeneratedRandomly__SGLang-reproduce', 'attachment_ep_statistics'] as const;

export interface CountFile {
  readonly name: string;
  /** MoE layers alone. */
  readonly layers: readonly (readonly number[])[];
}

/** The statistics of DeepSeek-V3/R1 that the SGLang team published (sgl-project/sglang issue 6017). */
export const deepseekFiles = (): readonly CountFile[] =>
  readdirSync(dataPath(...FOLDER))
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const { logical_count: counts } = JSON.parse(readFileSync(dataPath(...FOLDER, file), 'utf8')) as {
        logical_count: number[][];
      };
      return {
        name: file.replace('.json', ''),
        layers: counts.filter((row) => row.some((count) => count > 0)),
      };
    });

export const problemOf = (
  loads: readonly (readonly number[])[],
  replicas: number,
  gpus: number,
  objective: ScenarioObjective = 'mean',
): LayerProblem => ({
  loads,
  slots: new Array<number>(gpus).fill(replicas / gpus),
  replicas,
  speeds: new Array<number>(gpus).fill(1),
  objective,
});

export const contiguous = (experts: number, gpus: number): LayerPlacement =>
  Array.from({ length: gpus }, (_, gpu) =>
    Array.from({ length: experts }, (__, expert) => expert).filter(
      (expert) => Math.floor((expert * gpus) / experts) === gpu,
    ),
  );

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

export const line = (cells: readonly (string | number)[], width = 12): void => {
  console.log(
    cells
      .map((cell, index) => (index === 0 ? String(cell).padEnd(28) : String(cell).padStart(width)))
      .join(' '),
  );
};
