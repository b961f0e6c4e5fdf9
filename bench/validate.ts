/** Speed of validation: a thousand launch scripts in one process, and one file through the command line. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { examples } from '../scripts/rule-examples.ts';
import { parseTarget } from '../src/validate/target.ts';
import { validateSource } from '../src/validate/validate-file.ts';

const count = 1000;
const judgeAll = (): number => {
  const start = performance.now();
  for (let index = 0; index < count; index++) {
    const example = examples[index % examples.length];
    if (example === undefined) continue;
    validateSource(
      { name: example.name, text: example.text },
      {
        environment: new Map(),
        // Every third with the number of GPUs left open: then rules are asked with many sizes.
        gpus: index % 3 === 0 ? null : (example.gpus ?? null),
        clusterGpus: null,
        perNode: null,
        target: example.target === undefined ? null : parseTarget(example.target),
        architecture: null,
      },
      [],
    );
  }
  return performance.now() - start;
};
console.log(
  `${count} configurations: ${(judgeAll() / 1000).toFixed(2)} s cold, ${(judgeAll() / 1000).toFixed(2)} s warm`,
);

const root = fileURLToPath(new URL('..', import.meta.url));
const times = Array.from({ length: 5 }, () => {
  const start = performance.now();
  const { status } = spawnSync(
    process.execPath,
    ['bin/planner.js', 'validate', 'action.yml', '--format', 'json'],
    { cwd: root },
  );
  return status === 70 ? Number.NaN : performance.now() - start;
});
console.log(
  `one file through the built command: ${Math.min(...times).toFixed(0)} ms (best of ${times.length}; needs npm run build)`,
);
