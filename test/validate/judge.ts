import type { ReadOptions } from '../../src/validate/subject.ts';
import { parseTarget } from '../../src/validate/target.ts';
import { validateSource } from '../../src/validate/validate-file.ts';
import type { FileReport } from '../../src/validate/validate-file.ts';

interface Given {
  readonly name?: string;
  readonly gpus?: number;
  readonly target?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly off?: readonly string[];
}

export const optionsOf = ({ gpus, target, env }: Given): ReadOptions => ({
  environment: new Map(Object.entries(env ?? {})),
  gpus: gpus ?? null,
  clusterGpus: null,
  perNode: null,
  target: target === undefined ? null : parseTarget(target),
  architecture: null,
});

/** One text as a file of the given name. */
export const judge = (text: string, given: Given = {}): FileReport =>
  validateSource({ name: given.name ?? 'train.sh', text }, optionsOf(given), given.off ?? []);

export const errorsOf = (report: FileReport): readonly string[] =>
  report.findings.filter(({ level }) => level === 'error').map(({ rule }) => rule);

export const rulesAt = (report: FileReport, level: string): readonly string[] =>
  report.findings.filter((finding) => finding.level === level).map(({ rule }) => rule);

/** A small model that Megatron accepts on any layout of powers of two up to 8. */
export const baseFlags = [
  '--num-layers 32 --hidden-size 4096 --num-attention-heads 32 --seq-length 4096 --max-position-embeddings 4096',
  '--group-query-attention --num-query-groups 8 --swiglu --ffn-hidden-size 14336 --normalization RMSNorm',
  '--position-embedding-type rope --untie-embeddings-and-output-weights --disable-bias-linear --vocab-size 32000',
  '--bf16 --mock-data --train-iters 10',
].join(' ');

export const moeFlags = `${baseFlags} --num-experts 8 --moe-router-topk 2 --moe-grouped-gemm --moe-token-dispatcher-type alltoall`;

/** A launch of the base model with more flags. */
export const script = (
  flags: string,
  { nodes = 1, model = baseFlags }: { nodes?: number; model?: string } = {},
): string =>
  `export CUDA_DEVICE_MAX_CONNECTIONS=1\ntorchrun --nnodes ${nodes} --nproc-per-node 8 pretrain_gpt.py ${model} ${flags}\n`;
