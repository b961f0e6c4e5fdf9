/** Settings of structured files: what each check of the source refuses, and what stands close by and passes. */
import { describe, expect, it } from 'vitest';
import { settingRules } from '../../src/validate/setting-rules/all.ts';
import { errorsOf, judge } from './judge.ts';
import { fileOf, jsonFile, nano, settingTable, titan } from './setting-table.ts';

describe('settings of structured files', () => {
  it.each(settingTable.map(([rule, breaks, passes], at) => [rule, at, breaks, passes] as const))(
    '%s (%i)',
    (rule, _, breaks, passes) => {
      const options = { name: fileOf(rule), gpus: 8 };
      expect(errorsOf(judge(breaks, options))).toContain(rule);
      expect(errorsOf(judge(passes, options))).toEqual([]);
    },
  );

  it('are all in the table', () => {
    const tested = new Set(settingTable.map(([rule]) => rule));
    expect(settingRules.map(({ id }) => id).filter((id) => !tested.has(id))).toEqual([]);
  });
});

describe('sections of older files, defaults of newer ones', () => {
  it('torchtitan of 2024 states its sizes in [training] and [experimental]', () => {
    const [subject] = judge(
      '[training]\nbatch_size = 1\nseq_len = 8192\ndata_parallel_degree = -1\ntensor_parallel_degree = 8\n[experimental]\npipeline_parallel_degree = 2\n',
      { name: 'train.toml', gpus: 64 },
    ).subjects;
    expect(subject?.decision.first.strategy).toMatchObject({ tensor: 8, pipeline: 2, data: 4 });
  });

  it('a TOML file of torchtitan is not one of 2026, whose configurations are Python', () => {
    const text = titan(
      'tensor_parallel_degree = 4\nexpert_parallel_degree = 2\nexpert_tensor_parallel_degree = 4',
    );
    expect(errorsOf(judge(text, { name: 'train.toml', gpus: 8 }))).toEqual([]);
    expect(errorsOf(judge(text, { name: 'train.toml', gpus: 8, target: 'torchtitan@2026' }))).toContain(
      'torchtitan/expert-tensor',
    );
  });

  it('nanotron runs all forward passes first where no engine is named', () => {
    const schedule = (parallelism: string): unknown =>
      judge(nano(parallelism), { name: 'config.yaml' }).subjects[0]?.decision.first.strategy?.schedule;
    expect(schedule('dp: 1, tp: 1, pp: 2')).toBe('gpipe');
    expect(schedule('dp: 1, tp: 1, pp: 2, pp_engine: 1f1b')).toBe('1f1b');
  });

  it('the stage of ZeRO is not known where the JSON of DeepSpeed is another file', () => {
    const [subject] = judge(jsonFile(''), { name: 'config.yaml' }).subjects;
    expect(subject?.subject.unknownKeys.has('sharding')).toBe(true);
  });
});

describe('options of accelerate launch', () => {
  it('are the keys of its configuration', () => {
    const report = judge(
      'N=8\naccelerate launch --use_fsdp --fsdp_version 2 --num_machines 2 --num_processes $((N * 2)) --parallelism_config_tp_size 4 --parallelism_config_dp_shard_size 2 train.py\n',
      { name: 'train.sh' },
    );
    expect(report.target?.name).toBe('accelerate');
    expect(errorsOf(report)).toEqual(['accelerate/world-product']);
    expect(report.findings[0]).toMatchObject({ found: '8', expected: '16' });
  });

  it('may stand behind -m, and name the file that says the rest', () => {
    expect(
      judge('accelerate launch -m --num_processes 4 scripts.train --config a.yaml\n').subjects[0]?.decision
        .first.world,
    ).toBe(4);
    expect(
      judge('accelerate launch --config_file b.yaml --num_processes 4 train.py --config a.yaml\n').unreadable
        ?.message,
    ).toContain('b.yaml');
  });
});
