import type { Log } from 'sarif';
import { describe, expect, it } from 'vitest';
import { uriOf, validationSarif } from '../../src/report/validation-sarif.ts';
import { judge, script } from '../validate/judge.ts';
import { sarifFaults } from './sarif-schema.ts';

const batch = '--micro-batch-size 1 --global-batch-size 64';
const reports = [
  judge(script(`--tensor-model-parallel-size 3 --overlap-param-gather ${batch}`), { name: 'jobs/a b.sh' }),
  judge(script(`--micro-batch-size $MBS --global-batch-size 64`), { name: './open.sh' }),
  judge('{ "train_batch_size": 30, "train_micro_batch_size_per_gpu": 4 }', { name: 'ds.json', gpus: 8 }),
  judge(script(`--tensor-model-parallel-size 2 ${batch}`), { name: 'warned.sh' }),
];
const log: Log = validationSarif({ files: reports, off: [] }, '1.2.3', '/repo');
const [run] = log.runs;

describe('SARIF', () => {
  it('holds by the schema of OASIS, with findings and without', () => {
    expect(sarifFaults(log)).toEqual([]);
    expect(sarifFaults(validationSarif({ files: [], off: [] }, '1.2.3', '/repo'))).toEqual([]);
    const off = { files: reports, off: [{ rule: 'megatron/batch-divisible', reason: 'x' }] };
    expect(sarifFaults(validationSarif(off, '1.2.3', 'C:\\repo'))).toEqual([]);
  });

  it('would be refused by it with a column of 0, a property of its own or a path that is no URI', () => {
    const result = run?.results?.[0];
    const changed = (text: string, by: string): readonly string[] =>
      sarifFaults({
        ...log,
        runs: [{ ...run, results: [JSON.parse(JSON.stringify(result).replace(text, by))] }],
      });
    const place = result?.locations?.[0]?.physicalLocation;
    expect(changed(`"startColumn":${place?.region?.startColumn ?? ''}`, '"startColumn":0')).toEqual([
      '/runs/0/results/0/locations/0/physicalLocation/region/startColumn must be >= 1',
    ]);
    expect(changed('"message":', '"why":"x","message":')).toEqual([
      '/runs/0/results/0 must NOT have additional properties',
    ]);
    expect(changed(`"uri":"${place?.artifactLocation?.uri ?? ''}"`, '"uri":"a b"')).toEqual([
      '/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri must match format "uri-reference"',
    ]);
  });

  it('would be refused by it without runs, in another version or at a level that does not exist', () => {
    expect(sarifFaults({ version: '2.1.0' })).toEqual([" must have required property 'runs'"]);
    expect(sarifFaults({ version: '2.0.0', runs: [] })).toEqual([
      '/version must be equal to one of the allowed values',
    ]);
    const result = { message: { text: 'x' }, level: 'bad' };
    expect(
      sarifFaults({ version: '2.1.0', runs: [{ tool: { driver: { name: 'x' } }, results: [result] }] }),
    ).toEqual(['/runs/0/results/0/level must be equal to one of the allowed values']);
  });

  /** docs.github.com: SARIF support for code scanning. */
  it('keeps what code scanning asks: relative paths, indexes of rules, regions, fingerprints, limits', () => {
    const rules = run?.tool.driver.rules ?? [];
    const results = run?.results ?? [];
    expect(results.length).toBeGreaterThan(4);
    expect(results.length).toBeLessThanOrEqual(25_000);
    expect(new Set(results.map(({ level }) => level))).toEqual(new Set(['error', 'warning', 'note']));
    for (const { ruleId, ruleIndex, locations, partialFingerprints, message } of results) {
      expect(rules[ruleIndex ?? -1]?.id).toBe(ruleId);
      const place = locations?.[0]?.physicalLocation;
      expect(place?.artifactLocation?.uri).toMatch(/^(?!\/|\.\/)[^\s\\]+$/u);
      expect(place?.region?.startLine).toBeGreaterThanOrEqual(1);
      expect(place?.region?.endColumn).toBeGreaterThan(place?.region?.startColumn ?? Infinity);
      expect(Object.keys(partialFingerprints ?? {})).toHaveLength(1);
      expect(message.text?.length ?? 0).toBeGreaterThan(10);
    }
    const prints = results.map(({ partialFingerprints }) => partialFingerprints?.['plannerFinding/v1']);
    expect(new Set(prints).size).toBe(prints.length);
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
  });

  it('writes paths as URI references', () => {
    // Code scanning maps only what is relative to the repository.
    expect(uriOf('/repo/jobs/a.sh', '/repo')).toBe('jobs/a.sh');
    expect(uriOf('C:\\repo\\jobs\\a.sh', 'C:\\repo')).toBe('jobs/a.sh');
    expect(uriOf('/repository/a.sh', '/repo')).toBe('file:///repository/a.sh');
    expect(uriOf('D:\\a.sh', 'C:\\repo')).toBe('file:///D:/a.sh');
    expect(uriOf('./jobs/a b.sh', '/repo')).toBe('jobs/a%20b.sh');
    expect(uriOf('jobs\\x#1.sh', '/repo')).toBe('jobs/x%231.sh');
  });
});
