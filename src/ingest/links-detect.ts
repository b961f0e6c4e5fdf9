/** Which tool wrote a file, from what stands in it. */
import { readFabric } from './links-infiniband.ts';
import { jsonKind, readLinksJson } from './links-json.ts';
import { readMatrixFile } from './links-matrix.ts';
import { readMpiGraph } from './links-mpigraph.ts';
import { readNcclTests } from './links-nccl.ts';
import type { LinkKind, ReadOptions, ReadingResult } from './links-reading.ts';
import { readScontrol } from './links-slurm.ts';
import { readTable } from './links-table.ts';
import { readTopology } from './links-topo.ts';
import { readNcclXml } from './links-xml.ts';
import { readJson } from './read-json.ts';
import { diagnosticAt } from './source.ts';
import type { Source } from './source.ts';

const HEAD = 200_000;

/** Marks that no other tool prints, the surest first. */
const MARKS: readonly (readonly [LinkKind, RegExp])[] = [
  ['nccl-topology', /<(?:system|graphs)\b|^\s*<\?xml/u],
  ['ibnetdiscover', /^\s*(?:Switch\s+\d+\s+"|switchguid=)|^(?:CA|SW)\s+\d+\s+\d+\s+0x[\da-f]+\s/mu],
  ['scontrol', /^\s*NodeName=\S/mu],
  ['mpigraph', /\bSTART mpiGraph\b|^\s*(?:Send|Recv)(?: *[\t,]\S|\s+\S+:\d)/mu],
  ['nccl-tests', /\balgbw\s+busbw\b|_perf(?:_mpi)?\s|^\s*(?:\S+:)?\s*#\s*nThread\s/mu],
  ['nccl-tests', /^\s*\d+\s+\d+\s+(?:float|half|double|bfloat16|u?int\d+)\s/mu],
  ['nvidia-smi-topo', /^[\s\u001b[\d;m]*GPU\d+\s/mu],
  ['collectives', /^(?:size\(B\),|gpu,collective,|\w*,?collective\w*,)/u],
];

const marked = (text: string): LinkKind | null => MARKS.find(([, mark]) => mark.test(text))?.[0] ?? null;

/**
 * JSON begins with a brace or a bracket; so do lines of MPI: `[1,0]<stdout>:`, `[prterun-host-1@1,0]<stdout>:`, `[0] #`,
 * and what shells print before a command: `[user@host ~]$`.
 */
const isJson = (source: Source): boolean => {
  const { text } = source;
  if (!/^\s*(?:\{|\[(?!(?:[\w.-]+@)?\d+,\d+\]<|\d+\] [\s#]))/u.test(text)) return false;
  // A bracket alone says little: what is no JSON, but has the marks of a tool, is that tool's.
  return /^\s*\{/u.test(text) || marked(text.slice(0, HEAD)) === null || readJson(source).ok;
};

/** null where nothing tells. */
export const detectKind = (source: Source): LinkKind | null => {
  const head = source.text.slice(0, HEAD);
  if (isJson(source)) {
    const read = readJson(source);
    // What is broken JSON is refused as such by its reader.
    return read.ok ? (jsonKind(read.value) ?? 'matrix') : 'matrix';
  }
  const found = marked(head);
  if (found !== null) return found;
  return /^[^\n]*[,;\t][^\n]*$/mu.test(head) ? 'matrix' : null;
};

/** Whether a file is certainly one of those that tools print, and no SPEC. */
export const isMeasurement = (source: Source): boolean => {
  const head = source.text.slice(0, HEAD);
  if (isJson(source)) {
    const read = readJson(source);
    return read.ok && jsonKind(read.value) !== null;
  }
  return marked(head) !== null;
};

export const LINK_KINDS: readonly LinkKind[] = [
  'nccl-tests',
  'mpigraph',
  'nvidia-smi-topo',
  'nccl-topology',
  'scontrol',
  'ibnetdiscover',
  'matrix',
  'collectives',
];

/** Reads one file; its kind is detected unless given. */
export const readLinks = (source: Source, kind: LinkKind | null, options: ReadOptions): ReadingResult => {
  const known = kind ?? detectKind(source);
  const json = isJson(source);
  switch (known) {
    case 'nccl-tests':
      return readNcclTests(source, options, json);
    case 'mpigraph':
      return json ? readLinksJson(source, options) : readMpiGraph(source, options);
    case 'nvidia-smi-topo':
      return readTopology(source);
    case 'nccl-topology':
    case 'nccl-graph':
      return readNcclXml(source);
    case 'scontrol':
      return readScontrol(source);
    case 'ibnetdiscover':
      return readFabric(source);
    case 'collectives':
      return json ? readLinksJson(source, options) : readTable(source);
    case 'matrix':
    case 'mpigraph-json':
    case 'nccl-pairs':
      return json ? readLinksJson(source, options) : readMatrixFile(source, options);
    case null: {
      const message = `nothing tells which tool wrote it: --kind names one of ${LINK_KINDS.join(', ')}`;
      const range = { source, start: 0, end: 1 };
      return { ok: false, diagnostics: [diagnosticAt(range, 'links/unknown-kind', message)] };
    }
  }
};
