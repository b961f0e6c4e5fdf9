/**
 * Prints our parameter counts beside the published ones, for the presets and for any config.json named on the command
 * line (compared where its name stands in the test table): tsx scripts/parameter-counts.ts [config.json …]
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { modelFromConfig } from '../src/ingest/model-config.ts';
import { modelPresetNames, readModelPreset } from '../src/ingest/model-presets.ts';
import { sizeAsPublished } from '../src/ingest/model-published.ts';
import type { PublishedSize } from '../src/ingest/model-published.ts';
import { parameterCount } from '../src/model/count.ts';
import type { Model } from '../src/model/model.ts';
import { PUBLISHED_SIZES } from '../test/ingest/model-published-sizes.ts';

const percent = (ours: number, published: number): string =>
  `${((100 * ours) / published - 100).toFixed(3)} %`;
const cells = (...values: readonly (string | number)[]): void => console.log(`| ${values.join(' | ')} |`);

const row = (name: string, model: Model, published: PublishedSize | null, notes: readonly string[]): void => {
  const count = parameterCount(model);
  const main = [name, count.total, Math.round(count.active), count.multiTokenPrediction];
  if (published === null) {
    cells(...main, 'no figure found', '', '', '', notes.join(' '));
    return;
  }
  const { parameters, activeParameters } = sizeAsPublished(model, published);
  const { active } = published;
  const counted =
    active === null ? ['', ''] : [active.parameters, percent(activeParameters, active.parameters)];
  const remark = [published.counts, ...notes].join('; ');
  cells(...main, published.parameters, percent(parameters, published.parameters), ...counted, remark);
};

const ofFile = (file: string): void => {
  const name = path.basename(file).replace(/\.config\.json$/, '');
  const result = modelFromConfig(JSON.parse(readFileSync(file, 'utf8')) as unknown, name);
  if (!result.ok) {
    cells(name, ...result.problems.map((problem) => `${problem.path.join('.')}: ${problem.message}`));
    return;
  }
  const entry = PUBLISHED_SIZES[name] ?? null;
  row(name, result.model, typeof entry === 'string' ? readModelPreset(entry).published : entry, result.notes);
};

cells(
  'model',
  'total',
  'active',
  'prediction',
  'published',
  'difference',
  'active, published',
  'difference',
  'what the figure counts',
);
cells(...Array.from({ length: 9 }, () => '---'));
for (const name of modelPresetNames()) {
  const preset = readModelPreset(name);
  row(name, preset.model, preset.published, preset.notes);
}
process.argv.slice(2).forEach(ofFile);
