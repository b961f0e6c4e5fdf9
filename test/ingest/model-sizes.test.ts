/** Our parameter counts against what checkpoints hold and authors print. */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { modelFromConfig } from '../../src/ingest/model-config.ts';
import { modelPresetNames, readModelPreset } from '../../src/ingest/model-presets.ts';
import { sizeAsPublished } from '../../src/ingest/model-published.ts';
import type { PublishedSize } from '../../src/ingest/model-published.ts';
import type { Model } from '../../src/model/model.ts';
import { dataPath, hasData } from '../shared-data.ts';
import { PUBLISHED_SIZES } from './model-published-sizes.ts';

/** Every tensor counted: equal. Rounded or cut figures: less than a unit of the last digit. */
const expectSize = (model: Model, published: PublishedSize): void => {
  const size = sizeAsPublished(model, published);
  if (published.rounding === 0) expect(size.parameters).toBe(published.parameters);
  else expect(Math.abs(size.parameters - published.parameters)).toBeLessThan(published.rounding);
  const { active } = published;
  if (active === null) return;
  expect(Math.abs(size.activeParameters - active.parameters)).toBeLessThan(active.rounding);
};

describe('presets', () => {
  it.each(modelPresetNames())('%s has its published size', (name) => {
    const { model, published } = readModelPreset(name);
    expectSize(model, published);
    expect(model.name).toBe(name);
  });

  it('exist under the names of the format', () => {
    const names = (
      'gpt3-175b gpt-mt-530b llama2-7b llama2-13b llama2-70b llama3-8b llama3-70b llama3-405b mixtral-8x7b ' +
      'mixtral-8x22b qwen3-8b qwen3-32b qwen3-30b-a3b qwen3-235b-a22b deepseek-v2-lite deepseek-v3 kimi-k2 ' +
      'gpt-oss-20b gpt-oss-120b grok-1 nemotron-3-nano-30b-a3b'
    ).split(' ');
    expect(modelPresetNames()).toEqual(expect.arrayContaining(names));
  });

  it('are refused under other names', () => {
    expect(() => readModelPreset('llama9')).toThrow(RangeError);
    expect(() => readModelPreset('../models/llama2-7b')).toThrow(RangeError);
  });
});

describe('config.json files of the shared data', () => {
  const folder = ['launch', 'hf_configs'] as const;
  const there = hasData(...folder);
  const ending = '.config.json';
  const names = there
    ? readdirSync(dataPath(...folder)).flatMap((file) =>
        file.endsWith(ending) ? [file.slice(0, -ending.length)] : [],
      )
    : Object.keys(PUBLISHED_SIZES);

  it.skipIf(!there).each(names)('%s has its published size', (name) => {
    const text = readFileSync(dataPath(...folder, name + ending), 'utf8');
    const result = modelFromConfig(JSON.parse(text) as unknown, name);
    if (!result.ok) throw new Error(result.problems.map((problem) => problem.message).join('; '));
    const entry = PUBLISHED_SIZES[name];
    if (entry === undefined) throw new Error(`no published size of ${name}`);
    expectSize(result.model, typeof entry === 'string' ? readModelPreset(entry).published : entry);
  });
});
