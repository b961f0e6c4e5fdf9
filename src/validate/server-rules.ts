import { error } from './finding.ts';
import type { RawFinding } from './finding.ts';

/** Sizes of a serving engine, by the last value of each option; null where it is not given. */
export interface ServerSizes {
  readonly count: (...names: readonly string[]) => number | null;
  readonly text: (...names: readonly string[]) => string | null;
  readonly on: (...names: readonly string[]) => boolean;
}

export interface ServerKind {
  readonly rules: readonly string[];
  readonly check: (sizes: ServerSizes) => readonly RawFinding[];
  /** Ranks that the options ask for. */
  readonly world: (sizes: ServerSizes) => number;
  readonly axes: (sizes: ServerSizes) => {
    readonly tensor: number;
    readonly pipeline: number;
    readonly context: number;
    readonly data: number;
    readonly expert: number;
  };
}

const size = (sizes: ServerSizes, ...names: readonly string[]): number => sizes.count(...names) ?? 1;

/** vllm/config/parallel.py, vllm-project/vllm @ 00193b82. */
const vllm: ServerKind = {
  rules: [
    'vllm/experts-balancer',
    'vllm/redundant-experts',
    'vllm/prefill-context-data',
    'vllm/decode-context-tensor',
  ],
  world: (sizes) =>
    size(sizes, '--tensor-parallel-size', '-tp') *
    size(sizes, '--pipeline-parallel-size', '-pp') *
    size(sizes, '--prefill-context-parallel-size', '-pcp') *
    size(sizes, '--data-parallel-size', '-dp'),
  axes: (sizes) => {
    const [tensor, pipeline, context, data] = [
      size(sizes, '--tensor-parallel-size', '-tp'),
      size(sizes, '--pipeline-parallel-size', '-pp'),
      size(sizes, '--prefill-context-parallel-size', '-pcp'),
      size(sizes, '--data-parallel-size', '-dp'),
    ];
    return {
      tensor,
      pipeline,
      context,
      data,
      expert: sizes.on('--enable-expert-parallel', '-ep') ? tensor * context * data : 1,
    };
  },
  check: (sizes) => {
    const { tensor, context, data } = vllm.axes(sizes);
    const expert = sizes.on('--enable-expert-parallel', '-ep');
    const balanced = sizes.on('--enable-eplb');
    const findings: RawFinding[] = [];
    if (balanced && (!expert || tensor * context * data === 1))
      findings.push(
        error(
          'vllm/experts-balancer',
          'startup',
          ['--enable-eplb'],
          'expert load balancing without expert parallelism over several ranks',
          expert ? '1 rank' : 'no --enable-expert-parallel',
          '--enable-expert-parallel and more than one rank',
        ),
      );
    const redundant = Number(
      /"num_redundant_experts"\s*:\s*(\d{1,6})/u.exec(sizes.text('--eplb-config') ?? '')?.[1] ??
        sizes.count('--num-redundant-experts') ??
        0,
    );
    if (redundant > 0 && !balanced)
      findings.push(
        error(
          'vllm/redundant-experts',
          'startup',
          ['--eplb-config'],
          `${redundant} redundant experts without load balancing`,
          redundant,
          '0, or --enable-eplb',
        ),
      );
    if (context > 1 && data > 1)
      findings.push(
        error(
          'vllm/prefill-context-data',
          'startup',
          ['--prefill-context-parallel-size', '--data-parallel-size'],
          'prefill context parallelism with data parallelism',
          `${context} and ${data}`,
          'one of them',
        ),
      );
    const decode = size(sizes, '--decode-context-parallel-size', '-dcp');
    if (tensor % decode !== 0)
      findings.push(
        error(
          'vllm/decode-context-tensor',
          'startup',
          ['--decode-context-parallel-size', '--tensor-parallel-size'],
          `decode context size ${decode} does not divide the tensor size ${tensor}`,
          decode,
          `a divisor of ${tensor}`,
        ),
      );
    return findings;
  },
};

/** server_args.py @ 001067ff, parallel_state.py @ 0005973a, sgl-project/sglang. */
const sglang: ServerKind = {
  rules: ['sglang/expert-tensor', 'sglang/attention-data', 'sglang/all-to-all-expert'],
  world: (sizes) =>
    size(sizes, '--tp-size', '--tp', '--tensor-parallel-size') *
    size(sizes, '--pp-size', '--pp', '--pipeline-parallel-size') *
    (sizes.on('--enable-dp-attention') ? 1 : size(sizes, '--dp-size', '--dp', '--data-parallel-size')),
  axes: (sizes) => ({
    tensor: size(sizes, '--tp-size', '--tp', '--tensor-parallel-size'),
    pipeline: size(sizes, '--pp-size', '--pp', '--pipeline-parallel-size'),
    context: 1,
    data: size(sizes, '--dp-size', '--dp', '--data-parallel-size'),
    expert: size(sizes, '--ep-size', '--ep', '--expert-parallel-size'),
  }),
  check: (sizes) => {
    const { tensor, data, expert } = sglang.axes(sizes);
    const findings: RawFinding[] = [];
    if (tensor % expert !== 0)
      findings.push(
        error(
          'sglang/expert-tensor',
          'startup',
          ['--ep-size', '--tp-size'],
          `expert size ${expert} does not divide the tensor size ${tensor}`,
          expert,
          `a divisor of ${tensor}`,
        ),
      );
    if (sizes.on('--enable-dp-attention') && tensor % data !== 0)
      findings.push(
        error(
          'sglang/attention-data',
          'startup',
          ['--dp-size', '--tp-size'],
          `attention over ${data} data ranks of a tensor size of ${tensor}`,
          data,
          `a divisor of ${tensor}`,
        ),
      );
    const exchange = sizes.text('--moe-a2a-backend');
    if (
      exchange !== null &&
      ['deepep', 'mooncake', 'flashinfer'].includes(exchange) &&
      sizes.count('--ep-size', '--ep', '--expert-parallel-size') !== null &&
      expert !== tensor
    )
      findings.push(
        error(
          'sglang/all-to-all-expert',
          'startup',
          ['--moe-a2a-backend', '--ep-size'],
          `${exchange} with an expert size of ${expert} and a tensor size of ${tensor}`,
          expert,
          String(tensor),
        ),
      );
    return findings;
  },
};

/** tensorrt_llm/mapping.py, NVIDIA/TensorRT-LLM @ 05ebebb2. */
const tensorrt: ServerKind = {
  rules: ['tensorrt-llm/expert-tensor', 'tensorrt-llm/context-expert'],
  world: (sizes) =>
    size(sizes, '--tp_size', '--tp-size') *
    size(sizes, '--pp_size', '--pp-size') *
    size(sizes, '--cp_size', '--cp-size'),
  axes: (sizes) => ({
    tensor: size(sizes, '--tp_size', '--tp-size'),
    pipeline: size(sizes, '--pp_size', '--pp-size'),
    context: size(sizes, '--cp_size', '--cp-size'),
    data: 1,
    expert: size(sizes, '--ep_size', '--ep-size'),
  }),
  check: (sizes) => {
    const { tensor, context, expert } = tensorrt.axes(sizes);
    const findings: RawFinding[] = [];
    if (tensor % expert !== 0)
      findings.push(
        error(
          'tensorrt-llm/expert-tensor',
          'startup',
          ['--ep_size', '--tp_size'],
          `expert size ${expert} does not divide the tensor size ${tensor}`,
          expert,
          `a divisor of ${tensor}`,
        ),
      );
    if (context > 1 && expert > 1)
      findings.push(
        error(
          'tensorrt-llm/context-expert',
          'startup',
          ['--cp_size', '--ep_size'],
          'context parallelism with expert parallelism',
          `${context} and ${expert}`,
          'one of them',
        ),
      );
    return findings;
  },
};

export const serverKinds: Readonly<Record<'vllm' | 'sglang' | 'tensorrt-llm', ServerKind>> = {
  vllm,
  sglang,
  'tensorrt-llm': tensorrt,
};
