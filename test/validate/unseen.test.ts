/** Forms of configurations that public projects use, in our own words: what they state is read as their runtime reads it. */
import { describe, expect, it } from 'vitest';
import { errorsOf, judge, rulesAt, script } from './judge.ts';

const strategyOf = (text: string, given: Parameters<typeof judge>[1] = {}): unknown =>
  judge(text, given).subjects[0]?.decision.first.strategy;

describe('NeMo', () => {
  const yaml = (optimizer: string): string =>
    `trainer: { devices: 8, num_nodes: 4 }\nmodel:\n  micro_batch_size: 2\n  global_batch_size: 256\n  tensor_model_parallel_size: 8\n  pipeline_model_parallel_size: 2\n  encoder_seq_length: 4096\n  max_position_embeddings: \${.encoder_seq_length}\n  num_layers: 48\n  hidden_size: 6144\n  ffn_hidden_size: \${multiply:4, \${.hidden_size}}\n  num_attention_heads: \${model.num_layers}\n  sequence_parallel: true\n  optim: { name: ${optimizer} }\n`;

  it('references and products of OmegaConf are filled in', () => {
    const report = judge(yaml('fused_adam'), { name: 'gpt.yaml' });
    expect(errorsOf(report)).toEqual([]);
    expect(report.target?.name).toBe('nemo');
    const [subject] = report.subjects;
    expect(subject?.decision.first.strategy).toMatchObject({ tensor: 8, pipeline: 2, data: 2 });
    const kind = subject?.decision.first.model?.kinds[0];
    expect(kind?.feedForward).toMatchObject({ kind: 'dense', width: 24_576 });
  });

  it('a reference that only a run resolves is open, not wrong', () => {
    const text = yaml('fused_adam').replace(
      'tensor_model_parallel_size: 8',
      'tensor_model_parallel_size: ${oc.env:TP}',
    );
    const report = judge(text, { name: 'gpt.yaml' });
    expect(errorsOf(report)).toEqual([]);
    expect(rulesAt(report, 'unchecked').length).toBeGreaterThan(0);
  });

  it('references in a circle end', () => {
    const text = yaml('fused_adam').replace('hidden_size: 6144', 'hidden_size: ${model.hidden_size}');
    expect(judge(text, { name: 'gpt.yaml' }).verdict).not.toBeNull();
  });

  it('the distributed optimizer is one', () => {
    expect(strategyOf(yaml('distributed_fused_adam'), { name: 'gpt.yaml' })).toMatchObject({
      sharding: 'optimizer',
    });
    expect(strategyOf(yaml('fused_adam'), { name: 'gpt.yaml' })).toMatchObject({ sharding: 'none' });
  });

  it('overrides on the command line, and those of its launcher', () => {
    for (const deeper of ['', 'training.']) {
      const report = judge(
        `python megatron_gpt_pretraining.py --config-name=gpt ${deeper}trainer.devices=8 ${deeper}trainer.num_nodes=2 ${deeper}model.tensor_model_parallel_size=3 ${deeper}model.pipeline_model_parallel_size=1 ${deeper}model.context_parallel_size=1\n`,
      );
      expect(report.target?.name).toBe('nemo');
      expect(errorsOf(report)).toEqual(['megatron/world-divisible']);
    }
  });
});

describe('servers', () => {
  it('vLLM takes underscores for dashes, SGLang does not', () => {
    const flags = '--tensor_parallel_size=4 --pipeline_parallel_size 2';
    expect(strategyOf(`python -m vllm.entrypoints.openai.api_server --model m ${flags}\n`)).toMatchObject({
      tensor: 4,
      pipeline: 2,
    });
    expect(strategyOf(`python -m sglang.launch_server --model m ${flags}\n`)).toMatchObject({ tensor: 1 });
  });

  it('a size behind = that only a run knows is not 1', () => {
    const report = judge('trtllm-serve m --tp_size=$TP --ep_size=8\n');
    expect(report.verdict).toBe('unchecked');
    expect(errorsOf(judge('trtllm-serve m --tp_size=$TP --ep_size=8\n', { env: { TP: '4' } }))).toEqual([
      'tensorrt-llm/expert-tensor',
    ]);
  });
});

describe('flags of other versions and of forks', () => {
  it('every one of them is named', () => {
    const report = judge(script('--micro-batch-size 1 --global-batch-size 64 --deepspeed --zero-stage=3'));
    const named = report.findings.filter(({ rule }) => rule === 'megatron/unknown-flag');
    expect(named.map(({ settings }) => settings[0])).toEqual(['--deepspeed', '--zero-stage']);
    expect(report.verdict).toBe('unchecked');
  });

  it('a retired name is wrong for a release, and open where none is named', () => {
    const text = script('--micro-batch-size 1 --global-batch-size 64 --checkpoint-activations');
    expect(judge(text).verdict).toBe('unchecked');
    expect(errorsOf(judge(text, { target: 'megatron@0.20' }))).toEqual(['megatron/retired-flags']);
  });

  it('Megatron-FSDP without a strategy shards parameters in 0.20, nothing in 0.16', () => {
    const text = script(
      '--micro-batch-size 1 --global-batch-size 64 --use-megatron-fsdp --use-distributed-optimizer --ckpt-format fsdp_dtensor',
    );
    expect(strategyOf(text, { target: 'megatron@0.20' })).toMatchObject({ sharding: 'parameters' });
    expect(strategyOf(text, { target: 'megatron@0.16' })).toMatchObject({ sharding: 'none' });
  });
});
