// Runs after an install: compiles where the compiler is there, and says nothing worse than a hint where it is not
// (`npm ci --omit=dev`, or an install of the packed package, which holds dist/ already).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const compiler = new URL('node_modules/typescript/bin/tsc', root);
if (existsSync(compiler) && existsSync(new URL('tsconfig.build.json', root))) {
  const result = spawnSync(process.execPath, [fileURLToPath(compiler), '-p', 'tsconfig.build.json'], {
    cwd: fileURLToPath(root),
    stdio: ['ignore', process.stderr, process.stderr],
  });
  process.exitCode = result.status ?? 1;
} else if (!existsSync(new URL('dist/cli/main.js', root))) {
  console.error(
    'planner: not built, because the compiler is not installed; `npm ci && npm run build` builds it',
  );
}
