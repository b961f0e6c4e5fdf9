import { has, integerOf, numberOf, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';
import { bad, fine, laterFile, need } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const file = 'megatron/training/arguments.py';

const positive = (given: ArgumentMap, flag: string): boolean => (integerOf(given, flag) ?? 0) > 0;

/** Checks of learning rates are skipped where nothing is trained. */
const trainsBy = (given: ArgumentMap, flag: '--train-iters' | '--train-samples'): boolean =>
  positive(given, flag) && !has(given, '--skip-train');

const splitPaths = ['--train-data-path', '--valid-data-path', '--test-data-path'];

const dataSources: readonly (readonly string[])[] = [['--mock-data'], ['--data-path'], splitPaths];

/** Length of training, learning rate, batch ramp, data and saving: counted in one unit, stated once. */
export const lengthArgumentRules: readonly ArgumentRule[] = [
  need({
    id: 'iterations-in-samples',
    why: 'a run counted in iterations states decay and warm-up in iterations',
    source: `${file} iteration-based training`,
    when: ({ given }) => trainsBy(given, '--train-iters'),
    holds: ({ given }) => !has(given, '--lr-decay-samples') && !positive(given, '--lr-warmup-samples'),
    flags: ['--lr-decay-samples', '--lr-warmup-samples'],
    message: 'decay or warm-up in samples, training in iterations',
    found: () => 'samples',
    expected: '--lr-decay-iters, --lr-warmup-iters',
  }),
  need({
    id: 'samples-in-iterations',
    why: 'a run counted in samples states decay and warm-up in samples',
    source: `${file} sample-based training`,
    when: ({ given }) => trainsBy(given, '--train-samples'),
    holds: ({ given }) => !has(given, '--lr-decay-iters') && !positive(given, '--lr-warmup-iters'),
    flags: ['--lr-decay-iters', '--lr-warmup-iters'],
    message: 'decay or warm-up in iterations, training in samples',
    found: () => 'iterations',
    expected: '--lr-decay-samples, --lr-warmup-samples',
  }),
  need({
    id: 'warmup-once',
    why: 'warm-up is a fraction of the decay or a length of its own',
    source: `${file} lr_warmup_fraction`,
    when: ({ given }) => has(given, '--lr-warmup-fraction'),
    holds: ({ given }) =>
      !(trainsBy(given, '--train-iters') && positive(given, '--lr-warmup-iters')) &&
      !(trainsBy(given, '--train-samples') && positive(given, '--lr-warmup-samples')),
    flags: ['--lr-warmup-fraction', '--lr-warmup-iters', '--lr-warmup-samples'],
    message: 'warm-up stated twice',
    found: () => 'a fraction and a length',
    expected: 'one of them',
  }),
  need({
    id: 'minimum-learning-rate',
    why: 'the learning rate decays to its minimum',
    source: `${file} min_lr <= lr`,
    when: ({ given }) => has(given, '--lr'),
    holds: ({ given }) => (numberOf(given, '--min-lr') ?? 0) <= (numberOf(given, '--lr') ?? Infinity),
    flags: ['--min-lr', '--lr'],
    message: 'the minimum learning rate is above the learning rate',
    found: ({ given }) => textOf(given, '--min-lr'),
    expected: 'at most --lr',
  }),
  need({
    id: 'save-interval',
    why: 'a place to save to needs an interval to save at',
    source: `${file} save_interval`,
    when: ({ given }) => has(given, '--save'),
    holds: ({ given }) => positive(given, '--save-interval'),
    flags: ['--save', '--save-interval'],
    message: '--save without an interval',
    found: ({ given }) => textOf(given, '--save-interval'),
    expected: '--save-interval of at least 1',
  }),
  need({
    id: 'save-retain-interval',
    why: 'what is kept is one of the checkpoints that are written',
    source: `${file} save_retain_interval`,
    when: ({ given }) => has(given, '--save') && has(given, '--save-retain-interval'),
    holds: ({ given }) =>
      positive(given, '--save-retain-interval') &&
      (integerOf(given, '--save-retain-interval') ?? 0) % (integerOf(given, '--save-interval') ?? 1) === 0,
    flags: ['--save-retain-interval', '--save-interval'],
    message: 'checkpoints are kept at an interval at which none is written',
    found: ({ given }) => textOf(given, '--save-retain-interval'),
    expected: 'a multiple of --save-interval',
  }),
  need({
    id: 'data-sources',
    why: 'training data have one source',
    source: `${file} data blend checks`,
    when: () => true,
    holds: ({ given }) => dataSources.filter((flags) => flags.some((flag) => has(given, flag))).length <= 1,
    flags: dataSources.flat(),
    message: 'training data from several sources',
    found: ({ given }) =>
      dataSources
        .flat()
        .filter((flag) => has(given, flag))
        .join(' '),
    expected: 'one of them',
  }),
  need({
    id: 'weight-decay-schedule',
    why: 'a constant weight decay has no ends, a changing one has both',
    source: `${file} weight_decay_incr_style`,
    when: () => true,
    holds: ({ given }) => {
      const ends = ['--start-weight-decay', '--end-weight-decay'].filter((flag) => has(given, flag)).length;
      return (textOf(given, '--weight-decay-incr-style') ?? 'constant') === 'constant'
        ? ends === 0
        : ends === 2;
    },
    flags: ['--weight-decay-incr-style', '--start-weight-decay', '--end-weight-decay'],
    message: 'the ends of the weight decay do not fit its style',
    found: ({ given }) => textOf(given, '--weight-decay-incr-style') ?? 'constant',
    expected: 'both ends with linear or cosine, none with constant',
  }),
  need({
    id: 'layers-once',
    why: 'a decoder-only model has one number of layers',
    source: `${file} encoder_num_layers`,
    when: ({ given }) => has(given, '--num-layers'),
    holds: ({ given }) => !has(given, '--encoder-num-layers'),
    flags: ['--num-layers', '--encoder-num-layers'],
    message: '--num-layers with --encoder-num-layers',
    found: () => 'both',
    expected: 'one of them',
  }),
  need({
    id: 'sequence-once',
    why: 'sequences have one length',
    source: `${file} encoder_seq_length`,
    when: ({ given }) => has(given, '--seq-length'),
    holds: ({ given }) => !has(given, '--encoder-seq-length'),
    flags: ['--seq-length', '--encoder-seq-length'],
    message: '--seq-length with --encoder-seq-length',
    found: () => 'both',
    expected: 'one of them',
  }),
  need({
    id: 'ramp-in-iterations',
    until: '0.17',
    why: 'a ramp of the batch is counted in samples, and so must the run be',
    source: 'NVIDIA/Megatron-LM @ 4393d2b9 megatron/training/arguments.py iteration-based training',
    when: ({ given }) => has(given, '--rampup-batch-size'),
    holds: ({ given }) => !positive(given, '--train-iters'),
    flags: ['--rampup-batch-size', '--train-iters'],
    message: 'a batch ramp in a run that is counted in iterations',
    found: () => 'iterations',
    expected: '--train-samples, or Megatron 0.17',
  }),
  {
    id: 'ramp-steps',
    stage: 'startup',
    why: 'the batch grows by equal steps up to its size',
    source: 'megatron/core/num_microbatches_calculator.py RampupBatchsizeNumMicroBatchesCalculator',
    check: ({ given }) => {
      const flag = '--rampup-batch-size';
      const [start, step] = (given.get(flag) ?? []).map(Number);
      const batch = integerOf(given, '--global-batch-size');
      if (start === undefined || step === undefined || batch === null) return fine;
      if (start >= 1 && step >= 1 && batch >= start && (batch - start) % step === 0) return fine;
      return bad(
        [flag, '--global-batch-size'],
        `a ramp from ${start} by ${step} does not reach ${batch}`,
        `${start} ${step}`,
        `a start of at most ${batch} and a step that divides the difference`,
      );
    },
  },
  {
    id: 'ramp-divisible',
    stage: 'first step',
    why: 'every batch of the ramp divides over replicas and micro-batches, or is rounded down when asked for',
    source: 'megatron/core/num_microbatches_calculator.py RampupBatchsizeNumMicroBatchesCalculator.update',
    check: ({ given, strategy: { data, microBatchSize } }) => {
      const flag = '--rampup-batch-size';
      const [start, step] = (given.get(flag) ?? []).map(Number);
      const unit = microBatchSize * data;
      if (
        start === undefined ||
        step === undefined ||
        has(given, '--decrease-batch-size-if-needed') ||
        !Number.isInteger(unit)
      )
        return fine;
      if (start % unit === 0 && step % unit === 0) return fine;
      return bad(
        [flag, '--micro-batch-size'],
        `batches of the ramp do not divide by micro-batch size × data = ${unit}`,
        `${start} ${step}`,
        `multiples of ${unit}, or --decrease-batch-size-if-needed`,
      );
    },
  },
  {
    id: 'evaluation-batch-divisible',
    since: '0.18',
    stage: 'startup',
    why: 'evaluation runs whole micro-batches on every replica',
    source: `${file}:715`,
    check: ({ given, strategy: { data, microBatchSize } }) => {
      const flag = '--eval-global-batch-size';
      const batch = integerOf(given, flag);
      const unit = (integerOf(given, '--eval-micro-batch-size') ?? microBatchSize) * data;
      if ((batch === null && !has(given, '--eval-micro-batch-size')) || !Number.isInteger(unit)) return fine;
      const size = batch ?? integerOf(given, '--global-batch-size') ?? microBatchSize * data;
      return size % unit === 0
        ? fine
        : bad(
            [flag, '--eval-micro-batch-size'],
            `the evaluation batch of ${size} does not divide by its micro-batch size × data = ${unit}`,
            size,
            `a multiple of ${unit}`,
          );
    },
  },
  need({
    id: 'data-paths-once',
    why: 'paths stand in the command or in a file',
    source: `${laterFile} use_data_path, use_per_split_data_path`,
    when: () => true,
    holds: ({ given }) =>
      !(has(given, '--data-path') && has(given, '--data-args-path')) &&
      !(splitPaths.some((flag) => has(given, flag)) && has(given, '--per-split-data-args-path')),
    flags: ['--data-path', '--data-args-path', ...splitPaths, '--per-split-data-args-path'],
    message: 'paths of data in the command and in a file',
    found: () => 'both',
    expected: 'one of them',
  }),
  need({
    id: 'middle-filling',
    why: 'filling in the middle rearranges real documents by stated rates and tokens',
    source: `${laterFile} fim_data`,
    when: ({ given }) => has(given, '--fim-data'),
    holds: ({ given }) =>
      !has(given, '--mock-data') &&
      !['rate', 'spm-rate'].some((rate) => numberOf(given, `--fim-${rate}`) === 0),
    flags: ['--fim-data', '--mock-data', '--fim-rate', '--fim-spm-rate'],
    message: 'filling in the middle on mock data or at a rate of 0',
    found: ({ given }) => (has(given, '--mock-data') ? '--mock-data' : 0),
    expected: 'real data and rates above 0',
  }),
  need({
    id: 'memory-log-interval',
    since: '0.20',
    why: 'memory is logged with the other figures',
    source: `${laterFile} log_memory_interval`,
    when: ({ given }) => has(given, '--log-memory-interval'),
    holds: ({ given }) =>
      (integerOf(given, '--log-memory-interval') ?? 0) % (integerOf(given, '--log-interval') ?? 100) === 0,
    flags: ['--log-memory-interval', '--log-interval'],
    message: 'memory is logged at an interval at which nothing is',
    found: ({ given }) => textOf(given, '--log-memory-interval'),
    expected: 'a multiple of --log-interval (100 where it is not stated)',
  }),
];
