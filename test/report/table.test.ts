import { describe, expect, it } from 'vitest';
import { resultsCsv } from '../../src/report/csv.ts';
import { resultsMarkdown } from '../../src/report/markdown.ts';
import { plain } from '../../src/report/paint.ts';
import type { Paint } from '../../src/report/paint.ts';
import { resultsDocument } from '../../src/report/results-json.ts';
import { rankTableCsv } from '../../src/report/rank-table-csv.ts';
import { ties, trainingCost, trainingDays } from '../../src/report/results.ts';
import { planTable } from '../../src/report/plan-table.ts';
import { estimateTable, searchTable } from '../../src/report/table.ts';
import { markdownTable, textTable } from '../../src/report/text-table.ts';
import type { Table } from '../../src/report/text-table.ts';
import { rankTable } from '../../src/strategy/rank-table.ts';
import { bytes, GIB, seconds } from '../../src/units.ts';
import { cluster, nodes } from '../cluster/sample-cluster.ts';
import { strategy } from '../strategy/sample-strategy.ts';
import { plan, problem, results, stageMemory } from './sample-results.ts';

const wide = { width: null, paint: plain };
const range = (low: number, high: number) => ({
  iterationTimeLow: seconds(low),
  iterationTimeHigh: seconds(high),
});
const lineWith = (text: string, part: string): string =>
  text.split('\n').find((line) => line.includes(part)) ?? '';

describe('search table', () => {
  const text = searchTable(results([plan(1), plan(2, { tensor: 8, data: 1 }, range(10.4, 12))]), wide);

  it('says what is trained on what', () => {
    expect(text.split('\n')[0]).toBe(
      'tiny on 16 × sample (2 nodes), sequences of 8,192, 256 per iteration, bf16, megatron 0.20',
    );
  });

  it('has a row for each plan with its layout and figures', () => {
    expect(lineWith(text, '471').replace(/ {2,}/g, '|')).toBe(
      '1|4|2|2|1|1f1b|none|none|10 s|9.5–10.5 s|12,346|471|47.1 %|60.0/64.0/74.0',
    );
    expect(text).toContain('≈ k: a tie with plan k');
    expect(searchTable(results([plan(1)]), wide)).not.toContain('tie');
    expect(lineWith(text, '≈1')).toMatch(/^2 +≈1 +8 +2 +1 +1 +1f1b/);
  });

  it('has no column for an axis that no plan uses, and 1 where only some do', () => {
    expect(text).not.toMatch(/\bCP\b|\bEP\b|\bETP\b|\bVP\b|days|cost/);
    const mixed = searchTable(results([plan(1, { context: 2 }), plan(2)]), wide);
    expect(lineWith(mixed, 'CP').indexOf('CP')).toBeGreaterThan(0);
    expect(lineWith(mixed, '≈1')).toMatch(/^2 +≈1 +4 +2 +1 +2 /);
  });

  it('names the tightest stage', () => {
    expect(text).toContain('Memory of stage 1, the tightest: 60.0 GiB expected, at most 64.0 of 74.0 GiB.');
  });

  it('says what the search did and why strategies were dropped, the most frequent reason first', () => {
    expect(text).toContain(
      '12,345 legal strategies covered, 1,345 evaluated; the first plan is proven best in this model.',
    );
    expect(text.indexOf('bound/time')).toBeGreaterThan(0);
    expect(text.indexOf('bound/time')).toBeLessThan(text.indexOf('megatron/heads-divide'));
    expect(text).not.toContain('bound/memory');
    const loose = results([plan(1)], [], {
      search: { provenOptimal: false, gap: 0.031, reproducible: false },
    });
    expect(searchTable(loose, wide)).toContain('within 3.1 % of the bound; its time was limited');
  });

  it('shows the nearest misses when nothing fits', () => {
    const misses = [
      {
        strategy: strategy({ tensor: 8, expert: 4 }),
        stage: 3,
        missing: bytes(2.5 * GIB),
        reasons: ['no room', 'none'],
      },
    ];
    const nothing = searchTable(results([], misses), wide);
    expect(nothing).toContain('Nothing fits.');
    expect(nothing).toContain('it is proven that none fits');
    expect(lineWith(nothing, 'TP 8')).toMatch(
      /^TP 8, EP 4, micro-batch 1, recompute none +2\.5 +3 +no room; none$/,
    );
  });

  it('says days and cost where tokens and prices are given', () => {
    // 16 GPUs · 12,345.6 tokens/s = 197,529.6 tokens/s; 1e12 tokens take 58.59 days; two nodes of 100 an hour.
    const priced = results([plan(1)], [], { problem: problem(1e12, [100, 100]) });
    expect(trainingDays(priced.problem, plan(1))).toBeCloseTo(1e12 / 197_529.6 / 86_400, 9);
    expect(trainingCost(priced.problem, plan(1))).toBeCloseTo((1e12 / 197_529.6 / 3600) * 200, 3);
    const [document] = resultsDocument(priced).plans;
    expect(document?.training_days).toBeCloseTo(1e12 / 197_529.6 / 86_400, 9);
    expect(document?.training_cost).toBeCloseTo((1e12 / 197_529.6 / 3600) * 200, 3);
    expect(resultsDocument(results([plan(1)])).plans[0]).not.toHaveProperty('training_days');
    expect(resultsCsv(priced).split('\n')[0]).toMatch(/,training_days,training_cost$/);
    expect(estimateTable(priced, wide)).toMatch(/58\.6 days for all tokens, at a cost of 281,2\d\d/);
    const shown = searchTable(priced, wide);
    expect(lineWith(shown, 'days')).toMatch(/days +cost/);
    expect(lineWith(shown, '9.5–10.5')).toMatch(/58\.6 +281,2\d\d$/);
  });

  it('counts the price of the nodes that a plan touches', () => {
    const half = { ...plan(1), gpusUsed: 8 };
    const day = (12_345.6 * 8 * 86_400) / 24;
    expect(trainingCost(problem(day, [3, 5]), half)).toBeCloseTo(3, 9);
    expect(trainingCost(problem(day, [3, 5]), { ...half, hosts: [1, 0] })).toBeCloseTo(5, 9);
    expect(trainingCost(problem(day, [3, null]), half)).toBeCloseTo(3, 9);
    expect(trainingCost(problem(day, [3, null]), plan(1))).toBeNull();
    expect(trainingCost(problem(null, [3, 5]), half)).toBeNull();
  });

  it('paints without changing what stands where', () => {
    const painted: Paint = (style, content) => (style === 'plain' ? content : `\u001b[1m${content}\u001b[0m`);
    const given = results([plan(1)]);
    const coloured = searchTable(given, { width: null, paint: painted });
    expect(coloured).not.toBe(searchTable(given, wide));
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(searchTable(given, wide));
  });

  it('drops columns until the line fits, never the time', () => {
    const narrow = searchTable(results([plan(1), plan(2)]), { width: 90, paint: plain });
    const header = lineWith(narrow, 'iteration ');
    expect(header.length).toBeLessThanOrEqual(90);
    expect(header).not.toContain('sharding');
    expect(header).toContain('tie');
    expect(header).toContain('tokens/s/GPU');
    expect(header).toContain('GiB peak/bound/GPU');
  });

  it('cuts long cells where dropping columns is not enough for 80 characters', () => {
    const recompute = { kind: 'selective', modules: ['core_attn', 'layernorm', 'moe_act'] } as const;
    const long = { tensor: 8, pipeline: 16, virtualStages: 8, context: 2, data: 128, recompute } as const;
    const rows = (width: number): readonly string[] =>
      textTable(planTable(results([plan(1, long), plan(2, long)])), width, plain)
        .split('\n')
        .filter(Boolean);
    for (const line of rows(80)) expect(line.length).toBeLessThanOrEqual(80);
    expect(rows(80)[1]).toMatch(/ core_[a-z_+]*… /);
    expect(rows(200)[1]).toContain(' selective:core_attn+layernorm+moe_act ');
  });

  it('shows peak, bound and capacity of one GPU, the tightest, on an unequal cluster', () => {
    // 50 + 24 of 74 GiB leave 10; 40 + 14 of 50 GiB leave -4: the smaller peak is the one that does not fit.
    const small = { ...stageMemory(1, 40), capacity: bytes(50 * GIB) };
    const unequal = plan(1, {}, { memory: [stageMemory(0, 50), small] });
    expect(searchTable(results([unequal]), wide)).toContain('50.0/54.0/50.0');
  });

  it('speaks of one node', () => {
    const single = problem(null, [null]);
    expect(searchTable(results([plan(1)], [], { problem: single }), wide)).toContain('(1 node)');
  });
});

describe('ties', () => {
  it('are plans whose ranges overlap, named by the first such plan', () => {
    const plans = [
      plan(1, {}, range(9, 10)),
      plan(2, {}, range(9.9, 11)),
      plan(3, {}, range(10.5, 12)),
      plan(4, {}, range(13, 14)),
    ];
    expect(ties(plans)).toEqual([null, 1, 2, null]);
  });
});

describe('estimate table', () => {
  const text = estimateTable(results([plan(1)]), wide);

  it('shows time by cause, without causes that take none', () => {
    expect(text).toContain(
      '10 s per iteration (9.5–10.5 s), 12,346 tokens/s/GPU, 471 TFLOP/s/GPU, MFU 47.1 %',
    );
    expect(lineWith(text, 'compute  ')).toMatch(/^compute +6 s +60\.0 %$/);
    expect(lineWith(text, 'optimizer ')).toMatch(/500 ms +5\.0 %$/);
    expect(text).not.toContain('expert communication');
  });

  it('shows memory by stage, the tightest first', () => {
    const lines = text.split('\n');
    const header = lines.findIndex((line) => /^stage/.test(line.trim()));
    expect(lines[header]).not.toContain('logits');
    expect(lines[header + 1]?.trim().split(/\s+/)).toEqual([
      '1',
      '50.0',
      '1.0',
      '2.0',
      '3.0',
      '3.0',
      '1.0',
      '60.0',
      '61.0',
      '62.0',
      '64.0',
      '74.0',
      '10.0',
    ]);
    expect(lines[header + 2]?.trim()).toMatch(/^0 +40\.0/);
  });

  it('says why a strategy is not feasible', () => {
    const reasons = ['stage 0 lacks 4.0 GiB'];
    const over = estimateTable(
      results([plan(1, {}, { feasible: false, reasons, memory: [stageMemory(0, 64)] })]),
      wide,
    );
    expect(over).toContain('not feasible\n  - stage 0 lacks 4.0 GiB');
    expect(over).toMatch(/78\.0 +74\.0 +-4\.0\n/);
  });
});

describe('tables', () => {
  const table: Table = {
    columns: [
      { header: 'name', align: 'left' },
      { header: 'n', align: 'right' },
    ],
    rows: [
      [{ text: 'a|b\nc' }, { text: '10' }],
      [{ text: 'd' }, { text: '2' }],
    ],
  };

  it('align columns', () => {
    const simple = { ...table, rows: table.rows.slice(1) };
    expect(textTable(simple, null, plain)).toBe('name  n\nd     2\n');
  });

  it('escape what Markdown would take for a column', () => {
    expect(markdownTable(table)).toBe('| name | n |\n| --- | ---: |\n| a\\|b c | 10 |\n| d | 2 |\n');
  });
});

describe('CSV', () => {
  it('has one line per plan and a column for every key', () => {
    const [header = '', first = ''] = resultsCsv(results([plan(1), plan(2)])).split('\n');
    const row = Object.fromEntries(header.split(',').map((name, index) => [name, first.split(',')[index]]));
    expect(row).toMatchObject({
      rank: '1',
      gpus_used: '16',
      tensor: '4',
      recompute: 'none',
      partition: '21 20',
      iteration_time_s: '10',
      bubble_s: '1.5',
      tightest_stage: '1',
      tightest_stage_bound_bytes: String(64 * GIB),
    });
    expect(
      resultsCsv(results([plan(1), plan(2)]))
        .trimEnd()
        .split('\n'),
    ).toHaveLength(3);
    expect(resultsCsv(results([]))).toBe('');
  });

  it('prints the rank table', () => {
    const layout = strategy({ tensor: 2, data: 2, expert: 2, expertTensor: 1 });
    const rows = rankTable(cluster([nodes(2, { perNode: 2 })]), {
      strategy: layout,
      hosts: null,
      devices: null,
    });
    expect(rankTableCsv(rows)).toBe(
      'rank,node,gpu,tensor,context,data,pipeline,expert_tensor,expert,expert_data\n' +
        '0,0,0,0,0,0,0,0,0,0\n1,0,1,1,0,0,0,0,1,0\n2,1,0,0,0,1,0,0,0,1\n3,1,1,1,0,1,0,0,1,1\n',
    );
  });
});

describe('Markdown', () => {
  it('holds plans, time, memory and statistics', () => {
    const page = resultsMarkdown(results([plan(1)]));
    expect(page).toContain('| # | TP | PP | DP |');
    expect(page).toContain('| compute | 6 s | 60.0 % |');
    expect(page).toContain('## Peak memory of the first plan, GiB');
    expect(page).toContain('| bound/time | 11,000 |');
  });

  it('says when nothing fits', () => {
    const misses = [{ strategy: strategy(), stage: 0, missing: bytes(GIB), reasons: ['no room'] }];
    const page = resultsMarkdown(results([], misses));
    expect(page).toContain('Nothing fits.');
    expect(page).toContain('| micro-batch 1, recompute none | 1.0 | 0 | no room |');
  });
});
