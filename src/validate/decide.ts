import type { RawFinding } from './finding.ts';
import type { Changes, Judgement, OpenValue, Subject } from './subject.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { unchecked } from './finding.ts';
import { ruleFacts } from './rule-facts.ts';

/** Joint choices of all open values that are tried beside the changes of one at a time. */
const JOINT = 24;

/** A fixed sequence in [0, 1): the same file gives the same answer. */
const sequence = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

interface Sample {
  readonly values: ReadonlyMap<string, string>;
  /** The one value that differs from the first sample; null for joint choices. */
  readonly changed: string | null;
}

const samplesOf = (open: readonly OpenValue[]): readonly Sample[] => {
  const base = new Map(open.map(({ key, candidates }) => [key, candidates[0] ?? '']));
  const samples: Sample[] = [{ values: base, changed: null }];
  for (const { key, candidates } of open)
    for (const candidate of candidates.slice(1))
      samples.push({ values: new Map([...base, [key, candidate]]), changed: key });
  if (open.filter(({ candidates }) => candidates.length > 1).length < 2) return samples;
  const random = sequence(open.length);
  for (let index = 0; index < JOINT; index++)
    samples.push({
      values: new Map(
        open.map(({ key, candidates }) => [key, candidates[Math.floor(random() * candidates.length)] ?? '']),
      ),
      changed: null,
    });
  return samples;
};

/** A judgement that holds whatever the open values are. */
export interface Decision {
  readonly findings: readonly RawFinding[];
  /** With the first choice of every open value. */
  readonly first: Judgement;
  /** Strategy keys whose value depends on what is open. */
  readonly varying: ReadonlySet<keyof Strategy>;
  readonly worldKnown: boolean;
}

/** What a parser refuses is refused word by word; any other rule speaks once of a configuration. */
const idOf = ({ rule, level, stage, settings }: RawFinding): string =>
  `${level} ${rule}${stage === 'parse' ? ` ${settings.join(' ')}` : ''}`;

/** Open values that alone turn a rule on or off; all of them where only several together do. */
const causes = (
  rule: string,
  judged: readonly { readonly sample: Sample; readonly found: ReadonlyMap<string, RawFinding> }[],
  open: readonly OpenValue[],
): readonly OpenValue[] => {
  const inBase = judged[0]?.found.has(rule) ?? false;
  const keys = new Set(
    judged.flatMap(({ sample, found }) =>
      sample.changed !== null && found.has(rule) !== inBase ? [sample.changed] : [],
    ),
  );
  return keys.size === 0
    ? open.filter(({ candidates }) => candidates.length > 1)
    : open.filter(({ key }) => keys.has(key));
};

const varyingKeys = (judgements: readonly Judgement[]): ReadonlySet<keyof Strategy> => {
  const first = judgements[0]?.strategy ?? null;
  if (first === null) return new Set();
  const keys = Object.keys(first) as readonly (keyof Strategy)[];
  return new Set(
    keys.filter((key) => {
      const text = JSON.stringify(first[key]);
      return judgements.some(({ strategy }) => strategy !== null && JSON.stringify(strategy[key]) !== text);
    }),
  );
};

/**
 * Asks every rule for several values of what the file leaves open: an error counts when it stands with all of them,
 * and is unchecked, with the names of what decides, when it stands with some. Rules that do not read an open value give
 * the same answer throughout, whatever its name.
 */
export const decide = (subject: Subject, changes: Changes): Decision => {
  const open = subject.open.filter(({ key }) => !changes.has(key));
  const samples = samplesOf(open);
  const judged = samples.map((sample) => {
    const judgement = subject.judge(new Map([...sample.values, ...changes]));
    return {
      sample,
      judgement,
      found: new Map(judgement.findings.map((finding) => [idOf(finding), finding])),
    };
  });
  const [base] = judged;
  if (base === undefined) throw new Error('no sample');
  const ids = new Set(judged.flatMap(({ found }) => [...found.keys()]));
  const findings: RawFinding[] = [];
  for (const id of ids) {
    const seen = judged.flatMap(({ found }) => found.get(id) ?? []);
    const [one] = seen;
    if (one === undefined) continue;
    if (seen.length === judged.length || one.level === 'unchecked' || one.level === 'note')
      findings.push(one);
    else if (one.level === 'error') {
      const names = causes(id, judged, open).map(({ label, hint }) => `${label} (${hint})`);
      const settings = [...new Set(seen.flatMap((finding) => finding.settings))];
      findings.push(unchecked(one.rule, one.stage, settings, names, ruleFacts(one.rule)?.why ?? ''));
    }
  }
  const certain = new Set(findings.filter(({ level }) => level === 'error').map(({ rule }) => rule));
  return {
    findings: findings.filter(({ level, rule }) => level !== 'unchecked' || !certain.has(rule)),
    first: base.judgement,
    varying: varyingKeys(judged.map(({ judgement }) => judgement)),
    worldKnown: judged.every(({ judgement }) => judgement.world === base.judgement.world),
  };
};
