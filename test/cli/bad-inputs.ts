/** Inputs that must be refused with a message: each hazard that has stopped a YAML or JSON reader, and each mistake of a SPEC. */

export interface BadInput {
  readonly name: string;
  /** Files to write before the run, beside the SPEC. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Content of spec.yaml; absent: it is not written. */
  readonly spec?: string | Uint8Array;
  /** What follows `planner search`; spec.yaml by default. */
  readonly words?: readonly string[];
  /** What stderr holds, of which the first begins a line. */
  readonly want: readonly string[];
}

const CLUSTER = 'cluster: { nodes: 8, accelerator: h100-sxm-80gb }';
const MODEL = 'model: llama3-70b';
const TRAINING = 'training: { sequence_length: 8192, global_batch_size: 256 }';

/** The shortest SPEC that works, with some of its lines replaced, and lines after them. */
const spec = (
  {
    cluster = CLUSTER,
    model = MODEL,
    training = TRAINING,
  }: { cluster?: string; model?: string; training?: string } = {},
  ...more: readonly string[]
): string => `${[cluster, model, training, ...more].join('\n')}\n`;

const numbered = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

/** Nine levels, each nine times the one before: 9^9 values. */
const aliasBomb = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...Array.from('bcdefghi', (letter, index) => {
    const previous = 'abcdefgh'[index] ?? 'a';
    return `${letter}: &${letter} [${Array.from({ length: 9 }, () => `*${previous}`).join(', ')}]`;
  }),
].join('\n');

const config = (changes: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(
    {
      model_type: 'llama',
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      intermediate_size: 14336,
      vocab_size: 128256,
      ...changes,
    },
    null,
    1,
  );

const WITH_CONFIG = spec({ model: 'model: ./config.json' });
const WITH_LINKS = spec({
  cluster: 'cluster: { nodes: 2, accelerator: h100-sxm-80gb, network: { measured: ./links.csv } }',
});
const WITH_COUNTS = spec({
  model: 'model: mixtral-8x7b',
  training: 'training: { sequence_length: 8192, global_batch_size: 256, routing: ./counts.json }',
});

const files: readonly BadInput[] = [
  {
    name: 'a file that is not there',
    words: ['nope.yaml'],
    want: ['nope.yaml:1:1: error: ', 'no such file'],
  },
  { name: 'a directory', words: ['.'], want: ['.:1:1: error: ', 'directory'] },
  { name: 'a FIFO', words: ['fifo'], want: ['fifo:1:1: error: ', 'not a regular file'] },
  {
    name: 'a device without end',
    words: ['/dev/zero'],
    want: ['/dev/zero:1:1: error: ', 'not a regular file'],
  },
  { name: 'a link in a circle', words: ['circle'], want: ['circle:1:1: error: ', 'symbolic links'] },
  { name: 'a name that is too long', words: ['x'.repeat(5000)], want: ['xxx', 'too long'] },
  {
    name: 'binary junk',
    spec: Uint8Array.from({ length: 4096 }, (_, index) => (index * 37) % 256),
    want: ['spec.yaml:1:1: error: ', 'UTF-8'],
  },
  { name: 'a NUL in text', spec: `${CLUSTER}\nmodel: a\0b\n`, want: ['spec.yaml:2:9: error: ', '0x00'] },
  {
    name: 'an escape sequence',
    spec: `${CLUSTER}\nmodel: \u001b[2J\n`,
    want: ['spec.yaml:2:8: error: ', '0x1b'],
  },
  {
    name: 'UTF-16',
    spec: new Uint8Array(Buffer.from(`\ufeff${CLUSTER}`, 'utf16le')),
    want: ['spec.yaml:1:1: error: ', 'UTF-8'],
  },
  { name: 'an empty file', spec: '', want: ['spec.yaml:1:1: error: ', 'empty'] },
  { name: 'two megabytes', spec: '#\n'.repeat(1_000_000), want: ['spec.yaml:1:1: error: ', 'too large'] },
];

const yaml: readonly BadInput[] = [
  {
    name: '801 bytes of question marks',
    spec: `${'? '.repeat(400)}x`,
    want: ['spec.yaml:1:', 'levels deep'],
  },
  {
    name: 'question marks within the depth limit',
    spec: `${'? '.repeat(20)}x`,
    want: ['spec.yaml:1:', 'a key must be a name'],
  },
  {
    name: '20,000 distinct keys',
    spec: numbered(20_000, (index) => `k${String(index)}: 1`),
    want: ['spec.yaml:1:1: error: ', 'unknown key "k0"'],
  },
  { name: '900 brackets', spec: '['.repeat(900), want: ['spec.yaml:1:', 'levels deep'] },
  { name: 'half a million brackets', spec: '['.repeat(500_000), want: ['spec.yaml:1:', 'levels deep'] },
  {
    name: 'brackets that strings hide',
    spec: '["]", '.repeat(100_000),
    want: ['spec.yaml:1:', 'levels deep'],
  },
  { name: 'braces', spec: '{a: '.repeat(5000), want: ['spec.yaml:1:', 'levels deep'] },
  {
    name: 'deep indentation',
    spec: numbered(1200, (index) => `${' '.repeat(index)}a:`),
    want: ['spec.yaml:6', 'levels deep'],
  },
  { name: 'deep lists in one line', spec: `${'- '.repeat(1200)}x`, want: ['spec.yaml:1:', 'levels deep'] },
  { name: 'an alias bomb of nine levels', spec: aliasBomb, want: ['spec.yaml:', 'aliases make more than'] },
  {
    name: 'an alias of itself',
    spec: spec({}, 'search: &a { fix: *a }'),
    want: ['spec.yaml:4:', 'levels deep'],
  },
  {
    name: 'an alias of nothing',
    spec: spec({ model: 'model: *nothing' }),
    want: ['spec.yaml:2:8: error: ', 'no anchor'],
  },
  {
    name: 'a __proto__ key',
    spec: spec({}, '__proto__: { search: 1 }'),
    want: ['spec.yaml:4:1: error: ', 'not allowed'],
  },
  {
    name: 'a constructor key',
    spec: spec({}, 'search: { constructor: 1 }'),
    want: ['spec.yaml:4:11: error: ', 'not allowed'],
  },
  {
    name: 'a prototype key in a model',
    spec: spec({ model: 'model: { model_type: llama, "proto\\x74ype": {} }' }),
    want: ['spec.yaml:2:29: error: ', 'not allowed'],
  },
  {
    name: 'a key given twice',
    spec: spec({}, 'search: { top: 1, top: 2 }'),
    want: ['spec.yaml:4:19: error: ', 'given twice'],
  },
  {
    name: 'a list as a key',
    spec: spec({}, '? [a, b]', ': 1'),
    want: ['spec.yaml:4:3: error: ', 'a key must be a name'],
  },
  {
    name: 'an unknown tag',
    spec: spec({ model: 'model: !!js/function "function () {}"' }),
    want: ['spec.yaml:2:8: error: ', 'tag'],
  },
  {
    name: 'a tag of YAML 1.1',
    spec: spec({ model: 'model: !!binary aGk=' }),
    want: ['spec.yaml:2:8: error: ', 'tag'],
  },
  {
    name: 'two documents',
    spec: `${spec()}---\n${spec()}`,
    want: ['spec.yaml:4:1: error: ', 'more than one document'],
  },
  { name: 'an open quote', spec: spec({ model: 'model: "llama' }), want: ['spec.yaml:', 'quote'] },
  { name: 'tabs as indentation', spec: 'cluster:\n\tnodes: 8\n', want: ['spec.yaml:2:', 'ab'] },
  { name: 'a scalar', spec: 'just text\n', want: ['spec.yaml:1:1: error: ', 'a SPEC is a map'] },
  { name: 'a list', spec: '- a\n- b\n', want: ['spec.yaml:1:1: error: ', 'a SPEC is a map'] },
  {
    name: 'a merge key',
    spec: spec({}, 'search: { <<: { top: 1 } }'),
    want: ['spec.yaml:4:11: error: ', '<<'],
  },
  { name: 'a very long line', spec: `model: ${'y'.repeat(900_000)}`, want: ['spec.yaml:1:', 'too long'] },
];

const batch = (value: string): string =>
  spec({ training: `training: { sequence_length: 8192, global_batch_size: ${value} }` });

const values: readonly BadInput[] = [
  { name: '1e400', spec: batch('1e400'), want: ['spec.yaml:3:55: error: ', 'not a finite number'] },
  { name: 'NaN', spec: batch('.nan'), want: ['spec.yaml:3:55: error: ', 'not a finite number'] },
  { name: 'infinity', spec: batch('-.inf'), want: ['spec.yaml:3:55: error: ', 'not a finite number'] },
  {
    name: 'an integer beyond 2^53',
    spec: batch('9007199254740993'),
    want: ['spec.yaml:3:55: error: ', 'exactly'],
  },
  {
    name: 'a number of 100,000 digits',
    spec: batch('9'.repeat(100_000)),
    want: ['spec.yaml:3:55: error: ', 'not a finite number'],
  },
  { name: 'a negative number', spec: batch('-1'), want: ['spec.yaml:3:55: error: ', 'at least 1'] },
  { name: 'a fraction of a sequence', spec: batch('1.5'), want: ['spec.yaml:3:55: error: ', 'whole number'] },
  {
    name: 'a number with underscores',
    spec: batch('1_000'),
    want: ['spec.yaml:3:55: error: ', 'write 1000'],
  },
  { name: 'a number in base 60', spec: batch('12:30:45'), want: ['spec.yaml:3:55: error: ', 'whole number'] },
  {
    name: 'too many nodes',
    spec: spec({ cluster: 'cluster: { nodes: 1000000000, accelerator: h100-sxm-80gb }' }),
    want: ['spec.yaml:1:19: error: ', 'at most'],
  },
  {
    name: 'a name of 50,000 characters',
    spec: spec({ cluster: `cluster: { nodes: 8, accelerator: ${'h'.repeat(50_000)} }` }),
    want: ['spec.yaml:1:35: error: ', 'no accelerator preset'],
  },
  {
    name: 'a unit of 100,000 characters',
    spec: spec({
      cluster: `cluster: { nodes: 8, accelerator: { memory: "1 ${'G'.repeat(90_000)}", memory_bandwidth: 1, peak: { bf16: 1 } } }`,
    }),
    want: ['spec.yaml:1:45: error: ', 'too long'],
  },
  {
    name: 'hosts by the thousand million',
    spec: spec({
      cluster: 'cluster: { accelerator: h100-sxm-80gb, nodes: [{ count: 2, hosts: "a[0-999999999]" }] }',
    }),
    want: ['spec.yaml:1:67: error: ', 'too many'],
  },
  {
    name: 'hosts with brackets in brackets',
    spec: spec({
      cluster: `cluster: { accelerator: h100-sxm-80gb, nodes: [{ count: 2, hosts: "${'[0-1]'.repeat(500)}" }] }`,
    }),
    want: ['spec.yaml:1:67: error: ', 'more than 2 hosts'],
  },
  {
    name: 'a misspelt section',
    spec: spec({ training: 'trainning: { sequence_length: 1, global_batch_size: 1 }' }),
    want: [
      'spec.yaml:1:1: error: ',
      'lacks the key "training"',
      'spec.yaml:3:1: error: ',
      'did you mean "training"?',
    ],
  },
  {
    name: 'a misspelt strategy key',
    spec: spec({}, 'search: { fix: { tensr: 8 } }'),
    want: ['spec.yaml:4:18: error: ', 'did you mean "tensor"?'],
  },
  {
    name: 'a path to a device',
    spec: spec({ model: 'model: /dev/stdin' }),
    want: ['/dev/stdin:1:1: error: '],
  },
];

const references: readonly BadInput[] = [
  {
    name: 'a config.json that is not there',
    spec: WITH_CONFIG,
    want: ['./config.json:1:1: error: ', 'no such file', 'spec.yaml:2:8'],
  },
  {
    name: 'a config.json of an unknown architecture',
    spec: WITH_CONFIG,
    files: { 'config.json': config({ model_type: 'mistery' }) },
    want: ['./config.json:2:16: error: ', 'mistery'],
  },
  {
    name: 'a config.json nested 7,000 deep',
    spec: WITH_CONFIG,
    files: { 'config.json': `{"model_type": ${'['.repeat(7000)}${']'.repeat(7000)}}` },
    want: ['./config.json:1:', 'levels deep'],
  },
  {
    name: 'a config.json cut in half',
    spec: WITH_CONFIG,
    files: { 'config.json': config({}).slice(0, 60) },
    want: ['./config.json:', 'ends too early'],
  },
  {
    name: 'a config.json with a huge integer',
    spec: WITH_CONFIG,
    files: { 'config.json': config({}).replace('4096', '9'.repeat(400)) },
    want: ['./config.json:3:17: error: ', 'hidden_size'],
  },
  {
    name: 'a config.json with a prototype',
    spec: WITH_CONFIG,
    files: { 'config.json': '{"model_type": "llama", "__proto__": {"hidden_size": 8}}' },
    want: ['./config.json:1:25: error: ', 'not allowed'],
  },
  {
    name: 'a config.json with a key twice',
    spec: WITH_CONFIG,
    files: { 'config.json': '{"model_type": "llama", "model_type": "gpt2"}' },
    want: ['./config.json:1:25: error: ', 'given twice'],
  },
  {
    name: 'a config.json that is a list',
    spec: WITH_CONFIG,
    files: { 'config.json': '[]' },
    want: ['./config.json:1:1: error: ', 'map'],
  },
  {
    name: 'a config.json of the wrong types throughout',
    spec: WITH_CONFIG,
    files: {
      'config.json': config({
        hidden_size: [],
        num_hidden_layers: {},
        num_attention_heads: null,
        vocab_size: '1',
      }),
    },
    want: ['./config.json:3:', 'hidden_size', 'num_hidden_layers', 'vocab_size'],
  },
  {
    name: 'a config.json of two million empty lists',
    spec: WITH_CONFIG,
    files: { 'config.json': `[${'[],'.repeat(2_000_000)}[]]` },
    want: ['./config.json:1:', 'too many'],
  },
  {
    name: 'a matrix that is not square',
    spec: WITH_LINKS,
    files: { 'links.csv': 'GB/s,a,b\na,,40\n' },
    want: ['./links.csv:1:1: error: ', 'not square'],
  },
  {
    name: 'a matrix with a missing link',
    spec: WITH_LINKS,
    files: { 'links.csv': 'GB/s,a,b\na,,40\nb,0,\n' },
    want: ['./links.csv:3:3: error: ', 'b to a'],
  },
  {
    name: 'a matrix of another cluster',
    spec: WITH_LINKS,
    files: { 'links.csv': 'GB/s,a,b,c\na,,1,1\nb,1,,1\nc,1,1,\n' },
    want: ['./links.csv:1:1: error: ', '2 nodes'],
  },
  {
    name: 'a matrix of ten million commas',
    spec: WITH_LINKS,
    files: { 'links.csv': ','.repeat(10_000_000) },
    want: ['./links.csv:1:1: error: ', 'columns'],
  },
  {
    name: 'counts with a negative',
    spec: WITH_COUNTS,
    files: { 'counts.json': '[[1, 2], [3, -4]]' },
    want: ['./counts.json:1:14: error: ', 'count from 0'],
  },
  {
    name: 'counts of another model',
    spec: WITH_COUNTS,
    files: { 'counts.json': '[[1, 2], [3, 4]]' },
    want: ['spec.yaml:3:', '2 experts'],
  },
  {
    name: 'a calibration that is none',
    spec: spec({}, 'calibration: ./mine.yaml'),
    files: { 'mine.yaml': '[]' },
    want: ['./mine.yaml:1:1: error: '],
  },
];

const usage: readonly BadInput[] = [
  {
    name: 'an unknown option',
    spec: spec(),
    words: ['spec.yaml', '--fromat', 'json'],
    want: ['planner:1:1: error: ', '--format'],
  },
  {
    name: 'an unknown format',
    spec: spec(),
    words: ['spec.yaml', '--format', 'xml'],
    want: ['planner:1:1: error: ', 'xml'],
  },
  {
    name: 'an override without a value',
    spec: spec(),
    words: ['spec.yaml', '--set', 'search.top'],
    want: ['--set:1:1: error: '],
  },
  {
    name: 'an override of a prototype',
    spec: spec(),
    words: ['spec.yaml', '--set', '__proto__.top=1'],
    want: ['--set:1:1: error: ', 'not allowed'],
  },
  {
    name: 'an output that exists',
    spec: spec(),
    words: ['spec.yaml', '-o', 'spec.yaml'],
    want: ['spec.yaml:1:1: error: ', '--force'],
  },
  {
    name: 'an output outside',
    spec: spec(),
    words: ['spec.yaml', '-o', '../plans.txt'],
    want: ['../plans.txt:1:1: error: ', '".."'],
  },
  {
    name: 'an output by way of a link',
    spec: spec(),
    words: ['spec.yaml', '-o', 'circle', '--force'],
    want: ['circle:1:1: error: ', 'symbolic link'],
  },
];

export const BAD_INPUTS: readonly BadInput[] = [...files, ...yaml, ...values, ...references, ...usage];
