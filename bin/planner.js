#!/usr/bin/env node
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) {
  // From Node 22 on compiled code is kept between runs; NODE_DISABLE_COMPILE_CACHE=1 switches it off.
  modules.enableCompileCache?.();
  await import(main.href);
} else {
  console.error('planner: not built yet; run `npm ci` or `npm run build` in its folder');
  process.exitCode = 70;
}
