import { balance } from '../../src/placement/balance.ts';
import { eplbLayer } from '../../src/placement/eplb.ts';
import { effortLimits, splitSlots } from '../../src/placement/place.ts';
import { maxOverMean } from '../../src/placement/score.ts';
import { solveLayer } from '../../src/placement/solve-layer.ts';
import { cpuSeconds, deepseekFiles, line, mean, problemOf } from './measured.ts';
import type { CountFile } from './measured.ts';

const KINDS: Readonly<Record<string, readonly string[]>> = {
  prefill: ['prefill_in512', 'prefill_in1024', 'prefill_in2048'],
  'prefill in/out': ['prefill_in500out1500', 'prefill_in1000out1000', 'prefill_in1800out100'],
  decode: ['decode_in500out1500', 'decode_in1000out1000', 'decode_in1800out100'],
};

const share = (loads: readonly number[]): number[] => {
  const total = loads.reduce((sum, load) => sum + load, 0);
  return loads.map((load) => load / total);
};

/** Σ |difference of shares|, all layers: how far two files are apart. */
const distance = (a: CountFile, b: CountFile): number =>
  a.layers.reduce((sum, loads, layer) => {
    const other = share(b.layers[layer] ?? []);
    return (
      sum + share(loads).reduce((inner, load, expert) => inner + Math.abs(load - (other[expert] ?? 0)), 0)
    );
  }, 0);

const add = (rows: readonly (readonly number[])[]): number[] =>
  (rows[0] ?? []).map((_, expert) => rows.reduce((sum, row) => sum + (row[expert] ?? 0), 0));

const rotation = (
  train: readonly CountFile[],
  test: CountFile,
  name: string,
  replicas: number,
  gpus: number,
): readonly number[] => {
  const closest = train.reduce((best, file) => (distance(file, test) < distance(best, test) ? file : best));
  const values = test.layers.map((loads, layer) => {
    const problem = problemOf(
      train.map((file) => share(file.layers[layer] ?? [])),
      replicas,
      gpus,
    );
    const sum = add(problem.loads);
    const onTest = (placement: readonly (readonly number[])[]): number =>
      maxOverMean(loads, placement, problem.speeds);
    const eplb = (row: readonly number[]): number =>
      onTest(splitSlots(eplbLayer(row, { replicas, groups: 1, nodes: 1, gpus }), problem.slots));
    return [
      eplb(train.at(-1)?.layers[layer] ?? []),
      eplb(sum),
      eplb(closest.layers[layer] ?? []),
      onTest(balance(problemOf([sum], replicas, gpus), 1, effortLimits('normal', 1))),
      onTest(solveLayer(problem, effortLimits('normal', 1), null).placement),
    ];
  });
  const means = [0, 1, 2, 3, 4].map((column) => mean(values.map((row) => row[column] ?? 0)));
  line([name, `${replicas}/${gpus}`, ...means.map((value) => value.toFixed(4))]);
  return means;
};

/** Plans on all files but one, tests on that one, in all rotations. */
export const robustSection = (): void => {
  const files = deepseekFiles();
  const named = (name: string): CountFile => {
    const file = files.find((candidate) => candidate.name === name);
    if (file === undefined) throw new Error(`no file ${name}`);
    return file;
  };
  const sets = [
    ...Object.entries(KINDS).map(([kind, names]) => ({ kind, files: names.map(named) })),
    {
      kind: 'all prefill',
      files: files.filter(
        ({ name }) => name.startsWith('prefill_in') && /^prefill_in(512|1024|2048|1800out100)$/u.test(name),
      ),
    },
  ];
  const before = cpuSeconds();
  console.log('\nRobustness: planned on the other files of the kind, max/mean on the one held out');
  line(['held out', 'slots/GPUs', 'EPLB last', 'EPLB sum', 'EPLB closest', 'optimal sum', 'robust']);
  const all: (readonly number[])[] = [];
  for (const [replicas, gpus] of [
    [288, 32],
    [320, 64],
  ] as const)
    for (const { kind, files: own } of sets)
      own.forEach((test, index) => {
        const train = own.filter((_, other) => other !== index);
        all.push(
          rotation(train, test, `${kind === 'all prefill' ? '3 others: ' : ''}${test.name}`, replicas, gpus),
        );
      });
  line([
    'mean of all',
    '',
    ...[0, 1, 2, 3, 4].map((column) => mean(all.map((row) => row[column] ?? 0)).toFixed(4)),
  ]);
  const wins = [0, 1, 2, 3].map((column) => all.filter((row) => (row[4] ?? 0) < (row[column] ?? 0)).length);
  console.log(
    `robust is better than each column in ${wins.join(', ')} of ${all.length} rotations (${(cpuSeconds() - before).toFixed(0)} CPU s)`,
  );
};
