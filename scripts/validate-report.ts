/**
 * planner's verdicts beside those of the runtimes themselves, for files of recorded verdicts:
 *
 *   npx tsx scripts/validate-report.ts FILE…
 *
 * FILE is a JSON of rule vectors ({ vectors: [{ rule, world, env, argv, verdict }] }), of real configurations ([{ name,
 * world, env, argv, verdict }]) or of Bridge recipes ({ rows: [{ recipe, settings, parallelism, gpus,
 * bridge_world_check }] }). Each row goes through the same reader, rules and decision as a file of a user. Prints each
 * disagreement, each failure that comes after the runtime's own check, and the counts; exit status 1 where a verdict
 * differs.
 */
import { readFileSync } from 'node:fs';
import { parseTarget } from '../src/validate/target.ts';
import { validateSource } from '../src/validate/validate-file.ts';
import type { FileReport } from '../src/validate/validate-file.ts';
import type { ReadOptions } from '../src/validate/subject.ts';

interface Recorded {
  readonly ok: boolean;
  readonly stage?: string;
  readonly error?: string;
}

interface Case {
  readonly name?: string;
  readonly rule?: string;
  readonly world: number;
  readonly env: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
  readonly verdict: Recorded;
}

interface Recipe {
  readonly recipe: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly parallelism: Readonly<Record<string, unknown>>;
  readonly gpus: number;
  readonly bridge_world_check: { readonly ok: boolean; readonly error?: string } | null;
}

const options = (over: Partial<ReadOptions>): ReadOptions => ({
  environment: new Map(),
  gpus: null,
  clusterGpus: null,
  perNode: null,
  target: null,
  architecture: null,
  ...over,
});

/** Megatron's parser, argument check and configuration run at once: what dies later was accepted there. */
const early = new Set(['parse', 'startup']);

const errorsOf = (report: FileReport) => report.findings.filter(({ level }) => level === 'error');

interface Tally {
  agree: number;
  differ: number;
  later: number;
}

const judgeCases = (cases: readonly Case[], vectors: boolean, tally: Tally): void => {
  for (const { name, rule, world, env, argv, verdict } of cases) {
    // The vectors were taken with one connection unless they say otherwise.
    const environment = new Map(
      Object.entries({ ...(vectors ? { CUDA_DEVICE_MAX_CONNECTIONS: '1' } : {}), ...env }),
    );
    const report = validateSource(
      { name: 'argv.json', text: JSON.stringify(argv) },
      options({ environment, gpus: world, target: parseTarget('megatron@0.20') }),
      [],
    );
    const errors = errorsOf(report);
    const refused = errors.some(({ stage }) => early.has(stage));
    const label = name ?? rule ?? '';
    if (refused === !verdict.ok) tally.agree += 1;
    else {
      tally.differ += 1;
      console.log(
        `DIFFERS  ${label}: Megatron ${verdict.ok ? 'accepts' : `refuses (${verdict.error ?? ''})`}, planner ${report.verdict ?? 'cannot read'} ${errors.map((found) => found.rule).join(', ')}`,
      );
    }
    for (const { stage, rule: id, message } of errors)
      if (verdict.ok && !early.has(stage)) {
        tally.later += 1;
        console.log(`LATER    ${label}: dies at ${stage}: ${message} (${id})`);
      }
  }
};

/** A flattened recipe as overrides: what its bases may set is left open, not taken for a default. */
const overridesOf = ({ settings, parallelism }: Recipe): string => {
  const lines = new Map<string, string>();
  const put = (key: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
    if (value === undefined || key.startsWith('CALL:')) return;
    lines.set(
      key,
      `${key}='${Array.isArray(value) ? `[${value.map(String).join(',')}]` : JSON.stringify(value).replace(/^"(.*)"$/su, '$1')}'`,
    );
  };
  for (const [key, value] of Object.entries(settings)) put(key, value);
  const known: Readonly<Record<string, string>> = {
    TP: 'model.tensor_model_parallel_size',
    PP: 'model.pipeline_model_parallel_size',
    CP: 'model.context_parallel_size',
    EP: 'model.expert_model_parallel_size',
    ETP: 'model.expert_tensor_parallel_size',
    VPP: 'model.virtual_pipeline_model_parallel_size',
    GBS: 'train.global_batch_size',
    MBS: 'train.micro_batch_size',
    SP: 'model.sequence_parallel',
  };
  for (const [short, key] of Object.entries(known))
    if (parallelism[short] !== null && !lines.has(key)) put(key, parallelism[short]);
  return [...lines.values()].join('\n');
};

const judgeRecipes = (recipes: readonly Recipe[], tally: Tally): void => {
  let batch = 0;
  for (const recipe of recipes) {
    const report = validateSource(
      { name: 'recipe.args', text: `--recipe ${recipe.recipe}\n${overridesOf(recipe)}` },
      options({ target: parseTarget('bridge') }),
      [],
    );
    const errors = errorsOf(report);
    const world = errors.some(
      ({ rule }) => rule === 'megatron/world-divisible' || rule === 'megatron/expert-grid',
    );
    const refused = recipe.bridge_world_check?.ok === false;
    if (world === refused) tally.agree += 1;
    else tally.differ += 1;
    const others = errors.filter(
      ({ rule }) => rule !== 'megatron/world-divisible' && rule !== 'megatron/expert-grid',
    );
    if (others.some(({ rule }) => rule === 'megatron/batch-divisible')) batch += 1;
    if (errors.length > 0 || world !== refused)
      console.log(
        `${world === refused ? 'INVALID ' : 'DIFFERS '} ${recipe.recipe}: Bridge's world check ${refused ? 'refuses' : recipe.bridge_world_check === null ? 'was not run' : 'accepts'}; ${errors.map(({ rule, message }) => `${message} (${rule})`).join('; ')}`,
      );
    tally.later += others.length;
  }
  console.log(`recipes that break the batch rule: ${batch}`);
};

let failed = false;
for (const file of process.argv.slice(2)) {
  const data = JSON.parse(readFileSync(file, 'utf8')) as
    readonly Case[] | { readonly vectors?: readonly Case[]; readonly rows?: readonly Recipe[] };
  const tally: Tally = { agree: 0, differ: 0, later: 0 };
  console.log(`== ${file.slice(file.lastIndexOf('/') + 1)}`);
  if ('rows' in data) judgeRecipes(data.rows, tally);
  else if ('vectors' in data) judgeCases(data.vectors, true, tally);
  else judgeCases(data as readonly Case[], false, tally);
  const total = tally.agree + tally.differ;
  console.log(
    `${tally.agree} of ${total} verdicts agree; ${tally.differ} differ; ${tally.later} findings beyond the recorded check`,
  );
  failed ||= tally.differ > 0;
}
process.exitCode = failed ? 1 : 0;
