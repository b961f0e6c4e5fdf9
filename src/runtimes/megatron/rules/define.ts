import type { FailureStage, Rule } from '../../rule.ts';

type Given = Omit<Rule, 'id' | 'runtime' | 'since' | 'until' | 'severity' | 'stage' | 'source'> & {
  readonly id: string;
  readonly stage: FailureStage;
  readonly source: string;
  readonly since?: string;
  readonly until?: string;
  readonly severity?: Rule['severity'];
};

/** The commit that the line numbers of sources refer to (mcore 0.20). */
export const megatronSource = 'NVIDIA/Megatron-LM @ d98e8a64';

/**
 * A rule of Megatron-LM: an error in every version unless it says otherwise. `source` is path:line at the commit, or
 * a whole reference (with ` @ `) to another project.
 */
export const megatronRule = ({ id, since, until, severity, source, ...rest }: Given): Rule => ({
  ...rest,
  id: `megatron/${id}`,
  runtime: 'megatron',
  since: since ?? null,
  until: until ?? null,
  severity: severity ?? 'error',
  source: source.includes(' @ ') ? source : `${megatronSource} ${source}`,
});
