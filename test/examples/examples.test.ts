import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { gpuCount } from '../../src/cluster/cluster.ts';
import { jsonText } from '../../src/report/document-text.ts';
import { resultsDocument } from '../../src/report/results-json.ts';
import { completeStrategy } from '../../src/runtimes/complete.ts';
import { runtimeOf } from '../../src/runtimes/registry.ts';
import { createSearchCosts } from '../../src/search/costs.ts';
import { judgeStrategy, type Judgement } from '../../src/search/estimate.ts';
import { searchPlans } from '../../src/search/search.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { echoProblem } from '../../src/spec/echo.ts';
import { parseStrategy } from '../../src/strategy/format.ts';
import { seconds } from '../../src/units.ts';
import { repositoryPath } from '../shared-data.ts';

const folder = repositoryPath('configs', 'examples');
const published = parse(readFileSync(`${folder}/published.yaml`, 'utf8')) as Readonly<
  Record<string, { source: string; strategy: string }>
>;
const examples = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml') && name !== 'published.yaml')
  .map((name) => name.slice(0, -'.yaml'.length));

const load = (name: string) => {
  const loaded = loadSpec(`${folder}/${name}.yaml`);
  if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join('\n'));
  return loaded.value;
};

const judge = (name: string): Judgement => {
  const { problem, calibration } = load(name);
  const parsed = parseStrategy(published[name]?.strategy ?? '');
  if (!parsed.ok) throw new Error(parsed.faults.map(({ message }) => message).join('\n'));
  const { name: runtime, version } = problem.training.runtime;
  const context = {
    gpus: gpuCount(problem.cluster),
    runtime: runtimeOf(runtime),
    version,
    model: problem.model,
  };
  return judgeStrategy(
    problem,
    createSearchCosts(problem, calibration),
    completeStrategy(parsed.value, context),
    null,
  );
};

describe('examples', () => {
  it('stand beside a published configuration each, at least seven', () => {
    expect(examples.length).toBeGreaterThanOrEqual(7);
    expect(Object.keys(published).sort()).toEqual([...examples].sort());
  });

  for (const name of examples) {
    it(`${name} reads, names its schema and its source`, () => {
      const lines = readFileSync(`${folder}/${name}.yaml`, 'utf8').split('\n');
      expect(lines[0]).toBe('# yaml-language-server: $schema=../../schema/spec.schema.json');
      expect(lines[1]).toMatch(/^# /u);
      expect(load(name).problem.model.layers.length).toBeGreaterThan(0);
    });

    it(`${name}: the published configuration is legal and uses every GPU`, () => {
      const judgement = judge(name);
      expect(judgement.kind === 'illegal' ? judgement.violations.map(({ message }) => message) : []).toEqual(
        [],
      );
      if (judgement.kind !== 'legal') return;
      expect(judgement.plan.gpusUsed).toBe(gpuCount(load(name).problem.cluster));
      expect(judgement.plan.estimate.iterationTime).toBeGreaterThan(0);
    });
  }
});

describe('results of a search', () => {
  const validate = new Ajv({ allErrors: true, strict: false }).compile(
    JSON.parse(readFileSync(repositoryPath('schema', 'results.schema.json'), 'utf8')) as object,
  );
  const json = (name: string): string => {
    const { problem, calibration } = load(name);
    const result = searchPlans(problem, createSearchCosts(problem, calibration));
    return jsonText(resultsDocument({ problem, echo: echoProblem(problem), result, wallTime: seconds(1) }));
  };

  for (const name of ['llama2-7b-8-a100-pcie', 'gpt3-175b-64-a100', 'llama3-405b-16384-h100'])
    it(
      `${name}: valid against the schema, proven, no worse than the published configuration, the same twice`,
      { timeout: 60_000 },
      () => {
        const text = json(name);
        const document = JSON.parse(text) as {
          search: { proven_optimal: boolean };
          plans: { estimate: { iteration_time_s: number } }[];
        };
        expect(validate(document) ? [] : validate.errors).toEqual([]);
        expect(document.search.proven_optimal).toBe(true);
        expect(json(name)).toBe(text);
        const judgement = judge(name);
        if (judgement.kind === 'legal' && judgement.plan.estimate.feasible)
          expect(document.plans[0]?.estimate.iteration_time_s).toBeLessThanOrEqual(
            judgement.plan.estimate.iterationTime,
          );
      },
    );
});
