/**
 * Every writer of launch files over random legal strategies: read back, judged by planner's own rules, parsed by bash and
 * by ShellCheck where it is installed. Exit status 1 where one of them fails.
 *
 *   npx tsx scripts/emission-report.ts [COUNT] [SEED]
 *
 * COUNT strategies per writer (default 500). Refused: plans that the target cannot run, with reasons; they are not
 * counted. Not carried: how many of the plans lose the part, listed by the writer.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  differences,
  emitted,
  fileOf,
  readBack,
  scriptOf,
  validated,
  writers,
} from '../test/runtimes/emission.ts';

const count = Number(process.argv[2] ?? '500');
const seed = Number(process.argv[3] ?? '2026');
const hasShellcheck = spawnSync('shellcheck', ['--version']).error === undefined;
const folder = mkdtempSync(path.join(tmpdir(), 'planner-emission-'));
/** Files of one call of ShellCheck. */
const BATCH = 50;

const tally = (names: readonly string[]): string =>
  [...new Set(names)].map((name) => `${name} ${names.filter((other) => other === name).length}`).join(', ');

let failed = false;
try {
  for (const to of writers) {
    const { cases, refused } = emitted(to, count, seed);
    const faults: string[] = [];
    const verdicts: string[] = [];
    const files = cases.map(({ one, emission }, index) => {
      faults.push(...differences(one, emission, readBack(one, to, emission)));
      const report = validated(one, to.file, fileOf(emission, to.file));
      verdicts.push(report.verdict ?? 'unreadable');
      faults.push(
        ...report.findings
          .filter(({ level }) => level === 'error')
          .map(({ rule, message }) => `${rule}: ${message}`),
      );
      const file = path.join(folder, `${index}.sh`);
      writeFileSync(file, scriptOf(emission));
      return file;
    });
    const check = 'for file; do bash -n -- "$file" || exit 1; done';
    if (spawnSync('bash', ['-c', check, 'check', ...files]).status !== 0) faults.push('bash -n');
    if (hasShellcheck)
      for (let from = 0; from < files.length; from += BATCH) {
        const run = spawnSync('shellcheck', ['-f', 'gcc', ...files.slice(from, from + BATCH)], {
          encoding: 'utf8',
        });
        if (run.stdout !== '') faults.push(`ShellCheck: ${run.stdout.split('\n')[0] ?? ''}`);
      }
    const lost = cases.flatMap(({ emission }) => [...new Set(emission.notCarried.map(({ part }) => part))]);
    console.log(
      `${to.name}: ${cases.length} written, ${refused} refused; ${tally(verdicts)}; ${faults.length === 0 ? 'all read back' : `${faults.length} FAULTS`}${hasShellcheck ? '' : ' (no ShellCheck here)'}`,
    );
    if (lost.length > 0) console.log(`  not carried: ${tally(lost)}`);
    for (const fault of faults.slice(0, 5)) console.log(`  FAULT ${fault}`);
    failed ||= faults.length > 0 || cases.length < count;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
