/** The eight commonest parallelism errors (NVIDIA/Megatron-LM pull request 5768), and threads that a check would have saved. */
import { describe, expect, it } from 'vitest';
import { baseFlags, errorsOf, judge, moeFlags, rulesAt, script } from './judge.ts';

const batch = '--micro-batch-size 1 --global-batch-size 64';

describe('a script of many launches', () => {
  const launches = (count: number): string =>
    Array.from({ length: count }, (_, index) =>
      script(`--micro-batch-size 1 --global-batch-size ${8 * (index + 1)}`),
    ).join('');

  it('is called valid by all of them, so that what is not judged is unchecked', () => {
    expect(judge(launches(20)).verdict).toBe('valid');
    const many = judge(launches(21));
    expect(many.verdict).toBe('unchecked');
    expect(many.findings.filter(({ rule }) => rule === 'planner/many-launches')).toMatchObject([
      { level: 'unchecked', message: 'the first 20 of 21 launches are judged' },
    ]);
  });
});

describe('the commonest parallelism errors (NVIDIA/Megatron-LM PR 5768)', () => {
  it.each([
    [
      'world size that does not divide',
      `--tensor-model-parallel-size 3 ${batch}`,
      'megatron/world-divisible',
      'startup',
    ],
    [
      'heads that do not divide by tensor size',
      `--tensor-model-parallel-size 8 --num-attention-heads 36 --kv-channels 128 --sequence-parallel ${batch}`,
      'megatron/heads-tensor',
      'startup',
    ],
    [
      'layers that do not divide by stages',
      `--pipeline-model-parallel-size 4 --num-layers 30 ${batch}`,
      'megatron/layers-divisible',
      'startup',
    ],
    [
      'batch that does not divide',
      '--micro-batch-size 3 --global-batch-size 64',
      'megatron/batch-divisible',
      'startup',
    ],
    [
      'sequence that does not divide by context',
      `--context-parallel-size 8 --seq-length 4104 --max-position-embeddings 8192 ${batch}`,
      'megatron/sequence-context',
      'startup',
    ],
    [
      'interleaving without stages',
      `--num-virtual-stages-per-pipeline-rank 2 ${batch}`,
      'megatron/virtual-needs-pipeline',
      'startup',
    ],
  ] as const)('%s', (_, flags, rule, stage) => {
    const report = judge(script(flags));
    expect(report.verdict).toBe('invalid');
    expect(errorsOf(report)).toContain(rule);
    expect(report.findings.find((finding) => finding.rule === rule)?.stage).toBe(stage);
  });

  it('experts that do not divide by expert size', () => {
    const report = judge(
      script(`--expert-model-parallel-size 8 --num-experts 12 ${batch}`, {
        model: moeFlags.replace('--num-experts 8', ''),
      }),
    );
    expect(errorsOf(report)).toContain('megatron/experts-divisible');
  });

  it('experts with tensor parallelism and without sequence parallelism: only the first forward says it', () => {
    const report = judge(script(`--tensor-model-parallel-size 2 ${batch}`, { model: moeFlags }));
    expect(
      report.findings.find(({ rule }) => rule === 'megatron/experts-need-sequence-parallel')?.stage,
    ).toBe('first forward');
  });
});

describe('threads', () => {
  it('NVIDIA-NeMo/Speech 14838, NVIDIA-NeMo/Megatron-Bridge 546: the expert tensor size is inherited, and the report says from where', () => {
    // World 4; ETP is inherited from TP = 2, so that ETP × EP × PP = 8.
    const report = judge(
      `torchrun --nproc-per-node 4 pretrain_gpt.py ${moeFlags} --tensor-model-parallel-size 2 --expert-model-parallel-size 4 --sequence-parallel ${batch}`,
      { env: { CUDA_DEVICE_MAX_CONNECTIONS: '1' } },
    );
    const grid = report.findings.find(({ rule }) => rule === 'megatron/expert-grid');
    expect(grid?.level).toBe('error');
    expect(grid?.origins.find(({ setting }) => setting === '--expert-tensor-parallel-size')).toMatchObject({
      value: '2',
      from: 'inherited from --tensor-model-parallel-size, as Megatron does',
    });
    expect(grid?.nearest.join(' ')).toContain('--expert-tensor-parallel-size 1');
    expect(rulesAt(report, 'warning')).toContain('megatron/expert-tensor-inherited');
  });

  it('NVIDIA/Megatron-LM 1357: expert size 4 fails where 2 works', () => {
    const with4 = script(
      `--tensor-model-parallel-size 1 --pipeline-model-parallel-size 4 --expert-model-parallel-size 4 ${batch}`,
      { model: moeFlags },
    );
    const with2 = with4.replace('--expert-model-parallel-size 4', '--expert-model-parallel-size 2');
    expect(errorsOf(judge(with4))).toEqual(['megatron/expert-grid']);
    expect(judge(with2).verdict).toBe('valid');
  });

  it('THUDM/slime 1818: a script for 16 GPUs on a node of 8', () => {
    const report = judge(
      script(`--tensor-model-parallel-size 4 --pipeline-model-parallel-size 4 --sequence-parallel ${batch}`),
    );
    expect(errorsOf(report)).toContain('megatron/world-divisible');
    expect(report.findings[0]?.expected).toContain('16');
  });

  it('NVIDIA/Megatron-LM 1304 and 468: layers that old versions dropped silently are an error in every version', () => {
    for (const version of ['0.12', '0.20'])
      expect(
        errorsOf(
          judge(script(`--pipeline-model-parallel-size 4 --num-layers 30 ${batch}`), {
            target: `megatron@${version}`,
          }),
        ),
      ).toContain('megatron/layers-divisible');
    expect(
      errorsOf(
        judge(
          script(
            `--pipeline-model-parallel-size 4 --num-layers 80 --num-virtual-stages-per-pipeline-rank 16 ${batch}`,
          ),
        ),
      ),
    ).toContain('megatron/layers-virtual-divisible');
  });

  it('NVIDIA/Megatron-LM 1778: a first stage of its own without a pipeline', () => {
    expect(errorsOf(judge(script(`--decoder-first-pipeline-num-layers 4 ${batch}`)))).toContain(
      'megatron/uneven-stages',
    );
  });

  it('NVIDIA-BioNeMo/bionemo-recipes 286, verl-project/verl 1004: the nearest legal batches are named', () => {
    const finding = judge(script('--micro-batch-size 1 --global-batch-size 63')).findings.find(
      ({ rule }) => rule === 'megatron/batch-divisible',
    );
    expect(finding?.expected).toContain('56 or 64');
  });

  it('huggingface/finetrainers 408, modelscope/ms-swift 3739: the product of the sizes is not the world', () => {
    const report = judge(
      'distributed_type: FSDP\nfsdp_config: { fsdp_version: 2 }\nnum_processes: 8\nparallelism_config:\n  parallelism_config_tp_size: 2\n  parallelism_config_dp_shard_size: 2\n',
      { name: 'accelerate.yaml' },
    );
    expect(errorsOf(report)).toEqual(['accelerate/world-product']);
    expect(report.findings[0]?.message).toContain('4, num_processes is 8');
  });

  it('pytorch/torchtitan PR 4258: an expert size that does not divide the sparse mesh', () => {
    const report = judge(
      '[training]\nlocal_batch_size = 1\nseq_len = 4096\n[parallelism]\ndata_parallel_shard_degree = 6\nexpert_parallel_degree = 4\n',
      { name: 'a.toml', gpus: 6 },
    );
    expect(errorsOf(report)).toContain('torchtitan/expert-shards');
  });

  it('pytorch/torchtitan PR 4016: key-value heads are not copied', () => {
    const report = judge(
      '[model]\nname = "llama3"\nflavor = "8B"\n[training]\nlocal_batch_size = 1\nseq_len = 4096\n[parallelism]\ntensor_parallel_degree = 16\n',
      { name: 'a.toml', gpus: 16 },
    );
    expect(errorsOf(report)).toContain('torchtitan/heads-tensor');
  });

  it('huggingface/nanotron 347: the micro-batches of 1F1B, in the words of the file', () => {
    const report = judge(
      'parallelism: { dp: 1, tp: 1, pp: 8, pp_engine: 1f1b }\ntokens: { micro_batch_size: 1, batch_accumulation_per_replica: 4, sequence_length: 1024 }\n',
      { name: 'n.yaml' },
    );
    const finding = report.findings.find(({ rule }) => rule === 'nanotron/micro-batches-pipeline');
    expect(finding?.settings).toContain('tokens.batch_accumulation_per_replica');
  });

  it('PrimeIntellect-ai/prime-rl PR 2970: what only a run knows is not taken for 1', () => {
    const text = script(`--tensor-model-parallel-size 1 --expert-model-parallel-size $EP ${batch}`, {
      model: moeFlags,
    });
    const open = judge(text);
    expect(open.verdict).toBe('unchecked');
    expect(open.findings.find(({ level }) => level === 'unchecked')?.missing.join()).toContain('$EP');
    expect(judge(text, { env: { EP: '8' } }).verdict).toBe('valid');
    expect(judge(text, { env: { EP: '16' } }).verdict).toBe('invalid');
  });

  it('NVIDIA/Megatron-LM 792: a sharded optimizer over an odd number of replicas is legal (its cause was the network)', () => {
    const report = judge(
      `export CUDA_DEVICE_MAX_CONNECTIONS=1\ntorchrun --nnodes 3 --nproc-per-node 8 pretrain_gpt.py ${baseFlags} --tensor-model-parallel-size 8 --sequence-parallel --use-distributed-optimizer --micro-batch-size 1 --global-batch-size 48`,
    );
    expect(report.verdict).toBe('valid');
    expect(report.subjects[0]?.decision.first.strategy?.data).toBe(3);
  });

  it('verl-project/verl PR 1811, mosaicml/examples PR 41: a batch that does not divide is refused, never rounded', () => {
    const report = judge(
      '{ "train_batch_size": 30, "train_micro_batch_size_per_gpu": 4, "gradient_accumulation_steps": 1 }',
      { name: 'ds.json', gpus: 8 },
    );
    expect(errorsOf(report)).toEqual(['deepspeed/batch-product']);
    expect(report.findings[0]?.expected).toBe('32');
  });

  it('allenai/allennlp 1536: everything at once, each in its place', () => {
    const report = judge(
      script(
        '--tensor-model-parallel-size 16 \\\n  --micro-batch-size 3 --recompute-granularity full \\\n  --overlap-param-gather',
        { nodes: 2 },
      ),
    );
    expect(new Set(errorsOf(report))).toEqual(
      new Set([
        'megatron/recompute-full',
        'megatron/overlap-parameters-gradients',
        'megatron/overlap-parameters-optimizer',
      ]),
    );
    expect(
      report.findings.filter(({ level }) => level === 'error').map(({ position }) => position.line),
    ).toContain(4);
  });
});

describe('arguments that come from elsewhere', () => {
  it('slime: arrays of a sourced file are unknown, its trainer states the ranks, and its program adds flags', () => {
    const text = (perNode: number): string =>
      `source models/qwen3.sh\nPERF=(--tensor-model-parallel-size 4 --sequence-parallel)\nray job submit -- python3 train.py --actor-num-nodes 1 --actor-num-gpus-per-node ${perNode} --colocate \${MODEL_ARGS[@]} \${PERF[@]}\n`;
    const good = judge(text(8));
    expect(good.verdict).toBe('unchecked');
    expect(errorsOf(good)).toEqual([]);
    expect(good.findings.find(({ rule }) => rule === 'megatron/required-flags')?.missing).toEqual([
      '${MODEL_ARGS[@]}',
    ]);
    expect(good.subjects[0]?.decision.first.world).toBe(8);
    expect(errorsOf(judge(text(6)))).toEqual(['megatron/world-divisible']);
  });

  it('a flag that is missed is unchecked where "$@" may bring it, and an error where nothing can', () => {
    const flags = '--recompute-granularity full --micro-batch-size 1 --global-batch-size 64';
    expect(rulesAt(judge(script(`${flags} "$@"`)), 'unchecked')).toContain('megatron/recompute-full');
    expect(errorsOf(judge(script(flags)))).toEqual(['megatron/recompute-full']);
  });

  it('sbatch with a script in a here-document: its header, its launch and the flags of the outer script', () => {
    const report = judge(
      `FLAGS="${baseFlags} --tensor-model-parallel-size 3 --micro-batch-size 1 --global-batch-size 64"\nsbatch <<EOF\n#!/bin/bash\n#SBATCH --nodes=2\n#SBATCH --ntasks-per-node=8\nsrun python pretrain_gpt.py $FLAGS\nEOF\n`,
    );
    expect(errorsOf(report)).toContain('megatron/world-divisible');
    expect(report.subjects[0]?.decision.first.world).toBe(16);
  });
});
