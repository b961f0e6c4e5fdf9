/**
 * Orders of hosts on published and made-up matrices: host order, random, Pipette's annealing, ours, the bound.
 * `npx tsx scripts/dedication-report.ts [--sizes 64,128,256,512] [--seeds 1-20] [--published] [--doc]`; --doc writes
 * docs/dedication-figures.md.
 */
import { parseArgs } from 'node:util';
import { pipetteAnnealing, randomMean } from '../src/search/dedication-annealing.ts';
import { dedicationInstance, orderValue } from '../src/search/dedication-instance.ts';
import { dedicate } from '../src/search/dedication.ts';
import { bySize, writeDedicationDoc, type DedicationRow } from './dedication-doc.ts';
import {
  h100Instances,
  pipetteInstances,
  syntheticInstances,
  type Instance,
} from './dedication-instances.ts';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '64,128,256,512' },
    seeds: { type: 'string', default: '1-20' },
    published: { type: 'boolean', default: false },
    doc: { type: 'boolean', default: false },
  },
});

const seeds = options.seeds.split(',').flatMap((part) => {
  const [first = 1, last = first] = part.split('-').map(Number);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
});

/** Processor seconds, so that a busy machine does not count. */
const timed = <T>(work: () => T): { result: T; seconds: number } => {
  const start = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(start);
  return { result, seconds: (user + system) / 1e6 };
};

const milliseconds = (time: number): string => (1e3 * time).toFixed(2).padStart(10);

const report = ({ name, matrix, shape }: Instance, index: number): DedicationRow => {
  const instance = dedicationInstance(shape, matrix);
  const annealed = timed(() => pipetteAnnealing(instance, index + 1));
  const ours = timed(() => dedicate({ shape, matrix }));
  const { communication, hostOrder, lowerBound, gap, method, order } = ours.result;
  const random = randomMean(instance, index + 1);
  const beaten = communication > annealed.result.value * (1 + 1e-9);
  const own = orderValue(instance, Int32Array.from([...order]));
  if (Math.abs(own - communication) > 1e-9 * communication)
    throw new Error(`${name}: two values of one order`);
  const leftOut = matrix.names.filter((_, node) => !order.includes(node));
  const left = leftOut.length > 0 ? ` leaves out ${leftOut.join(' ')}` : '';
  console.log(
    `${name.padEnd(34)}${milliseconds(hostOrder)}${milliseconds(random)}${milliseconds(annealed.result.value)}` +
      `${milliseconds(communication)}${milliseconds(lowerBound)} ${(100 * gap).toFixed(3).padStart(7)} % ` +
      `${method.padEnd(6)} ${annealed.seconds.toFixed(2).padStart(6)} ${ours.seconds.toFixed(2).padStart(6)}` +
      `${beaten ? ' ANNEALING IS BETTER' : ''}${left}`,
  );
  return {
    name,
    nodes: matrix.nodes,
    hostOrder,
    random,
    annealing: annealed.result.value,
    ours: communication,
    bound: lowerBound,
    gap,
    seconds: ours.seconds,
    beaten,
    leftOut,
  };
};

const heading = ['host order', 'random', 'annealing', 'ours', 'bound'];
console.log(
  `${'instance (communication, ms)'.padEnd(34)}${heading.map((each) => each.padStart(10)).join('')}     gap    method  CPU s: annealing, ours`,
);
const instances = [
  ...pipetteInstances(),
  ...h100Instances(),
  ...(options.published ? [] : syntheticInstances(options.sizes.split(',').map(Number), seeds)),
];
const rows = instances.map(report);
for (const { nodes, instances: count, mean, worst, seconds, beaten } of bySize(rows))
  console.log(
    `${nodes} nodes: ${count} instances, gap mean ${(100 * mean).toFixed(3)} %, worst ${(100 * worst).toFixed(3)} %, ` +
      `at most ${seconds.toFixed(1)} s; annealing better on ${beaten}`,
  );
if (options.doc)
  writeDedicationDoc(rows, ['npx tsx scripts/dedication-report.ts', ...process.argv.slice(2)].join(' '));
