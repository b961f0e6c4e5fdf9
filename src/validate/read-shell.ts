import type { Source } from '../ingest/source.ts';
import { readArgumentList } from '../runtimes/shell-parse/arguments.ts';
import type { Launch } from '../runtimes/shell-parse/launch.ts';
import { readScript } from '../runtimes/shell-parse/read.ts';
import { shownText } from '../runtimes/shell-parse/values.ts';
import { error, unchecked } from './finding.ts';
import { configurationOf } from './launch-configuration.ts';
import { launchSubject, wordsSubject } from './launch-subject.ts';
import type { ReadResult } from './read-result.ts';
import type { ReadOptions, Subject } from './subject.ts';
import { targetOf } from './target.ts';

/** Launches of one script that are judged; a sweep over forty sizes is understood before the twentieth. */
const MOST_LAUNCHES = 20;

const signature = ({ program, arguments: words, environment }: Launch): string =>
  JSON.stringify([
    program,
    words.map(({ fragments }) => shownText(fragments)),
    [...environment].map(([name, value]) => [name, shownText(value)]),
  ]);

/** A script is called valid by all of its launches: what is not judged is said to be unchecked. */
const withLaunchesLeft = (subject: Subject, launches: number): Subject =>
  launches <= MOST_LAUNCHES
    ? subject
    : {
        ...subject,
        notes: [
          ...subject.notes,
          {
            ...unchecked('planner/many-launches', 'parse', [], ['the other launches'], 'a file for them'),
            message: `the first ${MOST_LAUNCHES} of ${launches} launches are judged`,
          },
        ],
      };

/** A shell script, or a file of arguments alone. */
export const readShellConfig = (source: Source, options: ReadOptions): ReadResult => {
  if (
    /^\s*(?:#[^!][^\n]*\n\s*)*(?:-{1,2}[A-Za-z]|[A-Za-z_]\w*(?:\.\w+)+=)/u.test(source.text.slice(0, 4000)) &&
    !/^#!/u.test(source.text)
  ) {
    const list = readArguments(source, options);
    if (list !== null) return list;
  }
  const facts = readScript(source.text, options.environment);
  if (facts.kind === 'limit')
    return { kind: 'unreadable', message: `asks for too much: ${facts.message}`, range: null };
  if (facts.kind === 'syntax') {
    const range = { source, start: Math.max(0, facts.at), end: Math.max(0, facts.at) + 1 };
    if (!/--[a-z]|torchrun|python|srun/u.test(source.text))
      return {
        kind: 'unreadable',
        message: `no script, list of arguments or configuration: ${facts.message}`,
        range,
      };
    return {
      kind: 'refused',
      target: options.target ?? targetOf('megatron'),
      findings: [
        {
          finding: error(
            'shell/syntax',
            'parse',
            [],
            `the shell refuses the script: ${facts.message}`,
            source.text.slice(range.start, range.start + 20).split('\n')[0] ?? '',
            'balanced quotes, parentheses and commands',
          ),
          range,
        },
      ],
    };
  }
  const seen = new Set<string>();
  const launches = facts.launches.filter((launch) => {
    const key = signature(launch);
    return !seen.has(key) && seen.add(key);
  });
  const subjects = launches
    .slice(0, MOST_LAUNCHES)
    .flatMap((launch) => launchSubject(source, launch, facts, options) ?? []);
  if (subjects.length > 0)
    return {
      kind: 'subjects',
      subjects: subjects.map((subject) => withLaunchesLeft(subject, launches.length)),
    };
  const elsewhere = launches.map(configurationOf).find((file) => file !== null);
  return {
    kind: 'unreadable',
    message:
      elsewhere === undefined
        ? 'no launch that planner knows: a training program with flags of Megatron or Megatron-Bridge, or a server'
        : `its configuration is in another file: name that file (${elsewhere})`,
    range: null,
  };
};

const readArguments = (source: Source, options: ReadOptions): ReadResult | null => {
  const list = readArgumentList(source.text, options.environment);
  if (!list.ok) {
    const range = { source, start: list.at, end: list.at + 1 };
    return {
      kind: 'refused',
      target: options.target ?? targetOf('megatron'),
      findings: [{ finding: error('shell/syntax', 'parse', [], list.message, '', 'balanced quotes'), range }],
    };
  }
  const subject = wordsSubject(source, list.words, options);
  return subject === null ? null : { kind: 'subjects', subjects: [subject] };
};
