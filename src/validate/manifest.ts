import { isScalar, parseAllDocuments, visit } from 'yaml';
import type { Document } from 'yaml';
import type { Source } from '../ingest/source.ts';

/** Kinds of Kubernetes objects that carry a launch. */
const kinds = /^kind:[ \t]*["']?(?:ConfigMap|Job|JobSet|PyTorchJob|MPIJob|TrainJob|Pod)["']?[ \t]*$/mu;

/** A command that starts ranks. */
const launches = /\b(?:torchrun|torch\.distributed\.(?:run|launch)|srun|accelerate\s+launch|deepspeed)\s/u;

/** Largest manifest that is taken apart. */
const LARGEST = 2_000_000;

/** Whether a YAML is one of Kubernetes' objects. */
export const isManifest = ({ text }: Source): boolean =>
  text.length <= LARGEST && kinds.test(text) && /^apiVersion:/mu.test(text);

/** Where in the file the text of a script stands as it is: a block, or quotes without escapes. */
const rangesOf = (document: Document, text: string): readonly (readonly [start: number, end: number])[] => {
  const ranges: [number, number][] = [];
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || !isScalar(node) || typeof node.value !== 'string' || !node.range) return;
      if (!launches.test(node.value)) return;
      const [start, end] = node.range;
      if (node.type === 'BLOCK_LITERAL') ranges.push([text.indexOf('\n', start) + 1, end]);
      else if (node.type === 'PLAIN') ranges.push([start, end]);
      else if (!text.slice(start + 1, end - 1).includes('\\')) ranges.push([start + 1, end - 1]);
    },
  });
  return ranges;
};

/**
 * The scripts in a manifest, each as a source of the manifest's own length in which everything else is blank: what a
 * reader finds keeps its line and column. Null where the YAML cannot be read.
 */
export const manifestScripts = (source: Source): readonly Source[] | null => {
  const { text } = source;
  const documents = parseAllDocuments(text, { logLevel: 'silent' });
  if ('empty' in documents || documents.some(({ errors }) => errors.length > 0)) return null;
  const blank = (from: number, to: number): string => text.slice(from, to).replace(/[^\n]/gu, ' ');
  return documents
    .flatMap((document) => rangesOf(document as Document, text))
    .map(([start, end]) => ({
      ...source,
      text: blank(0, start) + text.slice(start, end) + blank(end, text.length),
    }));
};
