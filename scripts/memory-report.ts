/** Prints the memory model's error on Megatron-LM's functional tests: `npx tsx scripts/memory-report.ts [-v] [FILE]`. */
import { readFileSync } from 'node:fs';
import { createMemoryModel } from '../src/cost/memory.ts';
import { dataPath } from '../test/shared-data.ts';
import type { GoldenRow } from './golden-memory.ts';
import { goldenProblem, outOfReach } from './golden-memory.ts';

const verbose = process.argv.includes('-v');
const file =
  process.argv.slice(2).find((word) => word !== '-v') ?? dataPath('launch', 'megatron_golden_memory.json');
const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: GoldenRow[] };

interface Line {
  readonly name: string;
  readonly error: number;
  readonly staticError: number;
  readonly excess: number;
  readonly moe: boolean;
  readonly out: string | null;
}

const lines: Line[] = [];
for (const row of rows)
  for (const [platform, { world, mem_max_bytes }] of Object.entries(row.current)) {
    const run = typeof mem_max_bytes === 'number' ? goldenProblem(row.args, platform, world) : null;
    const out = outOfReach(row);
    if (run === null || typeof mem_max_bytes !== 'number') {
      if (typeof mem_max_bytes === 'number')
        console.log(`not read: ${row.test} ${platform} (${out ?? 'flags without even split'})`);
      continue;
    }
    const { strategy, partition } = run;
    try {
      const memory = createMemoryModel(run.problem).stage(strategy, partition, strategy.pipeline - 1);
      const states = memory.parameters + memory.gradients + memory.optimizerStates;
      const first = row.golden[`golden_values_${platform}.json`]?.['mem-allocated-bytes']?.first ?? NaN;
      lines.push({
        name: `${row.test} ${platform} world ${world}`,
        error: memory.total / mem_max_bytes - 1,
        staticError: states / first - 1,
        excess: memory.total * 1.08 - mem_max_bytes,
        moe: '--num-experts' in row.args,
        out,
      });
      if (verbose)
        console.log(
          `${(100 * (memory.total / mem_max_bytes - 1)).toFixed(1)}% static ${(100 * (states / first - 1)).toFixed(1)}%`,
          row.test,
          platform,
          world,
          out ?? '',
          Object.fromEntries(
            Object.entries(memory).map(([key, value]) => [key, Math.round(value / 2 ** 20)]),
          ),
          Math.round(mem_max_bytes / 2 ** 20),
          Math.round(first / 2 ** 20),
        );
    } catch (error) {
      console.log(
        `not computed: ${row.test} ${platform}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

const report = (name: string, of: readonly Line[]): void => {
  const errors = of.map(({ error }) => Math.abs(error)).sort((a, b) => a - b);
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  const bias = of.reduce((sum, { error }) => sum + error, 0) / of.length;
  const violated = of.filter(({ excess }) => excess < 0).length;
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  console.log(
    `${name.padEnd(60)} ${String(of.length).padStart(4)} rows  median ${percent(errors[Math.floor(errors.length / 2)] ?? NaN)}  mean ${percent(mean)}  bias ${percent(bias)}  worst ${percent(errors.at(-1) ?? NaN)}  bound violated ${violated}`,
  );
};

const inReach = lines.filter(({ out }) => out === null);
report('in reach', inReach);
report(
  '  dense',
  inReach.filter(({ moe }) => !moe),
);
report(
  '  experts',
  inReach.filter(({ moe }) => moe),
);
for (const reason of new Set(lines.flatMap(({ out }) => out ?? [])))
  report(
    `out of reach: ${reason}`,
    lines.filter(({ out }) => out === reason),
  );
console.log('\nlargest errors in reach');
for (const { name, error, staticError } of [...inReach]
  .sort((a, b) => Math.abs(b.error) - Math.abs(a.error))
  .slice(0, 20))
  console.log(
    `  ${(100 * error).toFixed(1).padStart(6)} %  states alone ${(100 * staticError).toFixed(1)} %  ${name}`,
  );
