import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readScript } from '../../src/runtimes/shell-parse/read.ts';
import { worldOf } from '../../src/runtimes/shell-parse/launch.ts';
import { shownText } from '../../src/runtimes/shell-parse/values.ts';

const launchOf = (text: string, environment: Readonly<Record<string, string>> = {}) => {
  const result = readScript(text, new Map(Object.entries(environment)));
  if (result.kind !== 'read') throw new Error(result.message);
  const [launch] = result.launches;
  if (launch === undefined) return null;
  return {
    launcher: launch.launcher,
    program: launch.program,
    words: launch.arguments.map(({ fragments }) => shownText(fragments)),
    world: worldOf(launch, result.header)?.factors.map(({ fragments }) => shownText(fragments)),
    environment: Object.fromEntries([...launch.environment].map(([name, value]) => [name, shownText(value)])),
  };
};

describe('launch scripts, read as bash would expand them', () => {
  it.each([
    [
      'quotes and escapes',
      `python a.py --a "x y" --b 'z $Q' --c p\\ q`,
      ['--a', 'x y', '--b', 'z $Q', '--c', 'p q'],
    ],
    ['arrays', 'A=(--x 1 "--y 2")\npython a.py "${A[@]}"', ['--x', '1', '--y 2']],
    ['arrays that grow', 'A=(--x)\nA+=(--y)\npython a.py ${A[@]}', ['--x', '--y']],
    ['defaults', 'python a.py ${N:-4} ${M:=8} $M', ['4', '8', '8']],
    ['assignments win over defaults', 'N=2\npython a.py ${N:-4}', ['2']],
    ['alternatives', 'N=2\npython a.py ${N:+--n $N} ${Z:+--z}', ['--n', '2']],
    [
      'splitting of unquoted variables',
      'O="--a 1  --b"\npython a.py $O "$O"',
      ['--a', '1', '--b', '--a 1  --b'],
    ],
    ['continued lines', 'python a.py \\\n  --a 1 \\\n  --b', ['--a', '1', '--b']],
    ['comments', 'python a.py --a # --b\n# python b.py', ['--a']],
    ['arithmetic', 'N=3\npython a.py $((N * 2 + 1)) $(($N % 2))', ['7', '1']],
    ['suffixes', 'F=a/b.tar.gz\npython a.py ${F%%.*} ${F#a/} ${#F}', ['a/b', 'b.tar.gz', '10']],
    [
      'tests that can be decided',
      'T=moe\nif [[ $T == moe && -n "$T" ]]; then X=1; else X=2; fi\npython a.py $X',
      ['1'],
    ],
    ['numeric tests', 'N=8\n[ $N -gt 4 ] && X=big || X=small\npython a.py $X', ['big']],
    ['case', 'M=7b\ncase $M in 7*) L=32;; 13b|13B) L=40;; *) L=0;; esac\npython a.py $L', ['32']],
    ['loops over words', 'for x in a b; do L="$L --$x"; done\npython a.py ${L:-none}', ['$L', '--a', '--b']],
    ['functions', 'run() { local n=$1; shift; python a.py $n "$@"; }\nrun 3 --x', ['3', '--x']],
    ['eval', 'C="python a.py --a $N"\neval $C', ['--a', '$N']],
    ['inner shells', 'srun -n 4 bash -c "python a.py --a 1"', ['--a', '1']],
    [
      'here-documents of a batch system are scripts',
      "A='--a 1'\nsbatch -N 2 <<EOF\nsrun python a.py $A \\$B\nEOF",
      ['--a', '1', '$B'],
    ],
    [
      'quoted here-documents are not expanded twice',
      "bash <<'EOF'\nC=1\npython a.py --c $C\nEOF",
      ['--c', '1'],
    ],
    ['here-documents are stepped over', 'cat <<EOF > x\n" \' $( `\nEOF\npython a.py --a', ['--a']],
    ['set --', 'set -- 5 6\npython a.py $2 $1', ['6', '5']],
  ] as const)('%s', (_, text, words) => {
    expect(launchOf(text)?.words).toEqual(words);
  });

  it.each([
    ['torchrun', 'torchrun --nnodes=2 --nproc_per_node 8 --rdzv_endpoint=a:1 t.py', ['2', '8']],
    [
      'python -m torch.distributed.run',
      'python3 -u -m torch.distributed.run --nproc-per-node=4 t.py',
      ['1', '4'],
    ],
    ['the batch header', '#SBATCH --nodes=4\n#SBATCH --ntasks-per-node=8\nsrun python t.py', ['4', '8']],
    ['SLURM variables', '#SBATCH -N 4\ntorchrun --nnodes $SLURM_NNODES --nproc-per-node 8 t.py', ['4', '8']],
    ['deepspeed', 'deepspeed --num_nodes 2 --num_gpus 8 t.py', ['2', '8']],
    ['mpirun', 'mpirun -np 16 python t.py', ['16']],
  ] as const)('world size of %s', (_, text, world) => {
    expect(launchOf(text)?.world).toEqual(world);
  });

  it('prefix and exported variables reach the launch, others do not', () => {
    expect(launchOf('A=1\nexport B=2\nC=3 python t.py')?.environment).toEqual({ B: '2', C: '3' });
  });

  it('what a branch decides that only a run takes is a gap with what it is decided by', () => {
    const result = readScript('if [ -z "$FP8" ]; then P=1; else P=2; fi\npython t.py $P', new Map());
    const gap = result.kind === 'read' ? result.launches[0]?.arguments[0]?.fragments[0]?.gap : null;
    expect(gap).toEqual({ name: '$P', alternatives: ['1', '2'], because: ['$FP8'] });
    expect(
      launchOf('if [ -z "$FP8" ]; then P=1; else P=2; fi\npython t.py $P', { FP8: 'yes' })?.words,
    ).toEqual(['2']);
  });
});

describe('hostile scripts', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'planner-shell-'));
  const marker = path.join(folder, 'was-here');
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['command substitution', `python t.py $(touch ${marker}) \`touch ${marker}\``],
    ['open double quote', 'python t.py "abc'],
    ['open single quote', "python t.py 'abc"],
    ['open parenthesis', 'A=(1 2'],
    ['open here-document', 'cat <<EOF\npython t.py'],
    ['doubling variables', `A=aaaaaaaa\n${'A=$A$A\n'.repeat(40)}python t.py $A`],
    ['endless recursion', 'f() { f; f; }\nf\npython t.py'],
    ['endless eval', "X='eval $X'\neval $X"],
    ['loops in loops', `${'for i in 1 2 3 4 5 6 7 8 9; do '.repeat(12)}:${'; done'.repeat(12)}`],
    ['deep substitutions', '$('.repeat(100_000)],
    ['deep braces', '${A:-'.repeat(100_000)],
    ['deep parentheses', '('.repeat(100_000)],
    ['deep arithmetic', `echo $((${'('.repeat(50_000)}1))`],
    ['one long line', `python t.py ${'x'.repeat(10_000_000)}`],
    ['many words', `python t.py ${'x '.repeat(500_000)}`],
    ['many backslashes', '\\'.repeat(1_000_001)],
    ['many quotes', '"'.repeat(1_000_001)],
    ['many dollars', '$'.repeat(1_000_000)],
    ['stray words', 'fi done esac then } ) ;; ]] do else'],
    ['prototype names', '__proto__=1\nconstructor=2\npython t.py $__proto__ ${constructor}'],
  ])('%s: an answer, nothing is run', (_, text) => {
    expect(['read', 'syntax', 'limit']).toContain(readScript(text, new Map()).kind);
    expect(existsSync(marker)).toBe(false);
  });

  it('any text has an answer', () => {
    const bits = fc.constantFrom(
      '$',
      '(',
      ')',
      '{',
      '}',
      '"',
      "'",
      '`',
      '\\',
      '\n',
      ' ',
      ';',
      '&',
      '|',
      '<',
      '>',
      '#',
      '[[',
      ']]',
      '((',
      '))',
      'if',
      'then',
      'fi',
      'for',
      'in',
      'do',
      'done',
      'case',
      'esac',
      'A',
      '=',
      '+=',
      '[',
      ']',
      '@',
      '*',
      '1',
      ':-',
      'python t.py',
      'eval ',
      'f()',
      'EOF',
      '!',
      '\u2028',
      '\ud800',
    );
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 60 }), (parts) => {
        expect(['read', 'syntax', 'limit']).toContain(readScript(parts.join(''), new Map()).kind);
      }),
      { numRuns: 2000, seed: 6 },
    );
  });
});
