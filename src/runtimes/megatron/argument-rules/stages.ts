import { has, integerOf, textOf } from '../arguments.ts';
import { parseLayout } from '../layout.ts';
import { bad, fine } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const layoutFlag = '--pipeline-model-parallel-layout';
const first = '--decoder-first-pipeline-num-layers';
const last = '--decoder-last-pipeline-num-layers';
const embedding = '--account-for-embedding-in-pipeline-split';
const loss = '--account-for-loss-in-pipeline-split';
const perVirtual = '--num-layers-per-virtual-pipeline-stage';
const virtualStages = '--num-virtual-stages-per-pipeline-rank';

const count = (text: string, letter: string): number => text.split(letter).length - 1;

/** How layers are laid over stages: the flags exclude each other and must add up. */
export const stageArgumentRules: readonly ArgumentRule[] = [
  {
    id: 'virtual-stage-flags',
    stage: 'startup',
    why: 'virtual stages are stated once',
    source: 'megatron/training/arguments.py:928',
    check: ({ given }) => {
      const used = [perVirtual, virtualStages, layoutFlag].filter((flag) => has(given, flag));
      return used.length <= 1
        ? fine
        : bad(used, `${used.join(' and ')} together`, used.join(' '), 'one of them');
    },
  },
  {
    id: 'layers-per-virtual-stage',
    stage: 'startup',
    why: 'a stage is a whole number of virtual stages',
    source: 'megatron/training/arguments.py:955-990',
    check: ({ given, layers, strategy: { pipeline } }) => {
      const each = integerOf(given, perVirtual);
      if (each === null) return fine;
      if (has(given, first) || has(given, last))
        return bad(
          [perVirtual, first, last],
          'uneven stages with layers per virtual stage',
          each,
          virtualStages,
        );
      const perStage = (layers + (has(given, embedding) ? 1 : 0) + (has(given, loss) ? 1 : 0)) / pipeline;
      return each >= 1 && Number.isInteger(perStage / each)
        ? fine
        : bad(
            [perVirtual],
            `${perStage} layers of a stage do not divide by ${each}`,
            each,
            `a divisor of ${perStage}`,
          );
    },
  },
  {
    id: 'overlap-point-to-point',
    stage: 'startup',
    why: 'with two stages and no overlap two sends of one batch would meet between the same ranks',
    source: 'megatron/training/arguments.py:1000-1009',
    check: ({ given, strategy }) =>
      strategy.virtualStages > 1 && has(given, '--no-overlap-p2p-communication') && strategy.pipeline <= 2
        ? bad(
            ['--no-overlap-p2p-communication'],
            'interleaving without overlapped sends on two stages',
            strategy.pipeline,
            'more than 2 stages, or overlap',
          )
        : fine,
  },
  {
    id: 'accounted-layers',
    stage: 'startup',
    why: 'embedding and loss count as layers and the sum divides over stages',
    source: 'megatron/training/arguments.py:997',
    check: ({ given, layers, strategy: { pipeline } }) => {
      const extra = (has(given, embedding) ? 1 : 0) + (has(given, loss) ? 1 : 0);
      if (extra === 0 || has(given, first) || has(given, last) || has(given, layoutFlag)) return fine;
      const chunks = pipeline * Math.max(1, integerOf(given, virtualStages) ?? 1);
      return (layers + extra) % chunks === 0
        ? fine
        : bad(
            [embedding, loss],
            `${layers + extra} layers with embedding and loss on ${chunks} ${chunks === pipeline ? '' : 'virtual '}stages`,
            layers + extra,
            `a multiple of ${chunks}`,
          );
    },
  },
  {
    id: 'uneven-stages',
    stage: 'startup',
    why: 'the middle stages share the remaining layers, and each stage its virtual stages, evenly',
    source: 'megatron/core/transformer/transformer_config.py:2229, 2294-2368; issue 1778',
    check: ({ given, layers, strategy }) => {
      const firstLayers = integerOf(given, first);
      const lastLayers = integerOf(given, last);
      if (firstLayers === null && lastLayers === null) return fine;
      const flags = [first, last].filter((flag) => has(given, flag));
      if (has(given, embedding) || has(given, loss))
        return bad(
          [...flags, embedding, loss],
          'uneven stages beside accounted embedding or loss',
          flags.join(' '),
          'one way',
        );
      const empty = flags.find((flag) => (integerOf(given, flag) ?? 1) < 1);
      if (empty !== undefined)
        return bad([empty], 'a stage without layers', textOf(given, empty) ?? '', 'at least 1');
      if (has(given, layoutFlag)) return fine;
      const { pipeline, virtualStages: v } = strategy;
      const middleStages = pipeline - flags.length;
      const middle = layers - (firstLayers ?? 0) - (lastLayers ?? 0);
      if (middleStages < 0 || middle < 0 || (middleStages === 0) !== (middle === 0))
        return bad(
          flags,
          `${middle} layers left for ${middleStages} middle stages`,
          middle,
          'layers for every stage',
        );
      if (middleStages > 0 && middle % middleStages !== 0)
        return bad(
          flags,
          `${middle} layers do not divide over ${middleStages} middle stages`,
          middle,
          `a multiple of ${middleStages}`,
        );
      const perMiddle = middleStages > 0 ? middle / middleStages : 0;
      const uneven = [firstLayers ?? perMiddle, lastLayers ?? perMiddle, perMiddle].find((n) => n % v !== 0);
      return uneven === undefined
        ? fine
        : bad(
            flags,
            `${uneven} layers of a stage do not divide over ${v} virtual stages`,
            uneven,
            `a multiple of ${v}`,
          );
    },
  },
  {
    id: 'layout',
    stage: 'startup',
    why: 'a layout is the whole split: embedding first, loss last, every layer once',
    source: 'megatron/core/transformer/pipeline_parallel_layer_layout.py:35-133, 315',
    check: ({ given, layers, strategy: { pipeline } }) => {
      const text = textOf(given, layoutFlag);
      if (text === null) return fine;
      const other = [first, last, embedding, loss].filter((flag) => has(given, flag));
      if (other.length > 0)
        return bad([layoutFlag, ...other], `a layout beside ${other.join(', ')}`, text, 'the layout alone');
      const stages = parseLayout(text);
      if (stages === null)
        return bad([layoutFlag], 'a layout with unknown letters', text, 'E, t, m, L, |, (…)*n and *n');
      if (stages.length % pipeline !== 0)
        return bad(
          [layoutFlag],
          `${stages.length} stages in the layout`,
          stages.length,
          `a multiple of ${pipeline}`,
        );
      const flat = stages.join('');
      if (!flat.startsWith('E') || !flat.endsWith('L') || count(flat, 'E') !== 1 || count(flat, 'L') !== 1)
        return bad([layoutFlag], 'embedding must be first and loss last, once each', text, 'E…L');
      if (count(flat, 't') !== layers)
        return bad(
          [layoutFlag, '--num-layers'],
          `${count(flat, 't')} layers in the layout, ${layers} in the model`,
          count(flat, 't'),
          String(layers),
        );
      const mtp = integerOf(given, '--mtp-num-layers') ?? 0;
      if (count(flat, 'm') !== mtp)
        return bad(
          [layoutFlag, '--mtp-num-layers'],
          `${count(flat, 'm')} prediction layers in the layout, ${mtp} in the model`,
          count(flat, 'm'),
          String(mtp),
        );
      const spread = stages.filter((stage) => stage.includes('m')).length;
      return spread > 1 || /m.*t/u.test(flat)
        ? bad(
            [layoutFlag],
            'multi-token prediction is spread or before decoder layers',
            text,
            'all m on one stage, after every t',
          )
        : fine;
    },
  },
  {
    id: 'layout-prediction-stage',
    stage: 'startup',
    why: 'multi-token prediction is on the last virtual stage of a rank',
    source: 'megatron/core/transformer/pipeline_parallel_layer_layout.py:100-125',
    check: ({ given, strategy: { pipeline } }) => {
      const stages = parseLayout(textOf(given, layoutFlag) ?? '');
      const at = stages?.findIndex((stage) => stage.includes('m')) ?? -1;
      return stages === null || at < 0 || at >= stages.length - pipeline
        ? fine
        : bad(
            [layoutFlag],
            'multi-token prediction before the last virtual stage',
            at,
            `stage ${stages.length - pipeline} or later`,
          );
    },
  },
];
