/**
 * Feeds mutated and generated text to the readers of `planner validate` for a number of seconds of processor time (default 60): no crash,
 * no hang. The seed is printed; the same seed gives the same inputs.
 *
 *   npx tsx scripts/fuzz-validate.ts [SECONDS] [SEED]
 */
import { examples } from './rule-examples.ts';
import { validateSource } from '../src/validate/validate-file.ts';

const seconds = Number(process.argv[2] ?? '60');
const seed = Number(process.argv[3] ?? '6');
/** One input that takes longer is a hang; of the processor's time, which a busy machine does not stretch. */
const LONGEST_MS = 4000;
const now = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

let state = seed >>> 0;
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
const pick = <T>(list: readonly T[]): T => {
  const value = list[Math.floor(random() * list.length)];
  if (value === undefined) throw new Error('empty list');
  return value;
};

const bits = [
  '$',
  '${',
  '}',
  '$(',
  ')',
  '((',
  '))',
  '"',
  "'",
  '`',
  '\\',
  '\n',
  ' ',
  ';',
  '&&',
  '||',
  '|',
  '<<EOF\n',
  '#',
  '[[',
  ']]',
  'if ',
  'then ',
  'fi ',
  'for x in ',
  'do ',
  'done ',
  'case ',
  'esac ',
  'A=',
  'A+=(',
  'eval ',
  'f() {',
  'torchrun ',
  'python t.py ',
  '--num-layers ',
  '--tensor-model-parallel-size ',
  '-1',
  '0',
  '99999999999999999999',
  '1e400',
  '[',
  ']',
  '{',
  ':',
  '- ',
  '&a ',
  '*a ',
  '!!x ',
  '\t',
  '\u2028',
  '\ud800',
  '💥',
  '__proto__',
  'null',
  'true',
  '=',
  '.',
  ',',
];
const names = ['a.sh', 'a.yaml', 'a.json', 'a.toml', 'a.args', 'a'];

const mutate = (text: string): string => {
  let result = text;
  for (let count = 1 + Math.floor(random() * 6); count > 0; count--) {
    const at = Math.floor(random() * (result.length + 1));
    const length = Math.floor(random() * 12);
    const kind = random();
    if (kind < 0.4) result = result.slice(0, at) + pick(bits) + result.slice(at);
    else if (kind < 0.7) result = result.slice(0, at) + result.slice(at + length);
    else if (kind < 0.9)
      result =
        result.slice(0, at) +
        result.slice(at, at + length).repeat(1 + Math.floor(random() * 40)) +
        result.slice(at + length);
    else result = result.slice(0, at) + pick(bits).repeat(Math.floor(random() * 2000)) + result.slice(at);
  }
  return result;
};

const start = now();
let inputs = 0;
let slowest = 0;
let longest = { name: '', characters: 0 };
while (now() - start < seconds * 1000) {
  const example = pick(examples);
  const text =
    random() < 0.8
      ? mutate(example.text)
      : Array.from({ length: Math.floor(random() * 80) }, () => pick(bits)).join('');
  const name = random() < 0.8 ? example.name : pick(names);
  const began = now();
  try {
    validateSource(
      { name, text },
      {
        environment: new Map(),
        gpus: random() < 0.5 ? null : 8,
        clusterGpus: null,
        perNode: null,
        target: null,
        architecture: null,
      },
      [],
    );
  } catch (error) {
    console.error(`seed ${seed}, input ${inputs}, ${name}: ${JSON.stringify(text.slice(0, 2000))}`);
    throw error;
  }
  const took = now() - began;
  if (took > LONGEST_MS)
    throw new Error(
      `seed ${seed}, input ${inputs}: ${took.toFixed(0)} ms for ${name}: ${JSON.stringify(text.slice(0, 2000))}`,
    );
  if (took > slowest) {
    slowest = took;
    longest = { name, characters: text.length };
  }
  inputs += 1;
}
console.log(
  `seed ${seed}: ${inputs} inputs in ${seconds} s, no crash; the slowest took ${slowest.toFixed(0)} ms (${longest.name}, ${longest.characters} characters)`,
);
