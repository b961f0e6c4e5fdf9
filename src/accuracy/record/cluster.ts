/** The words of a record for its machines → a cluster. */
import type { RecordedCluster } from '../../ingest/measured-configuration.ts';
import { readAccelerator } from '../../ingest/presets.ts';
import type { Cluster } from '../../cluster/cluster.ts';
import { gpuPreset } from './gpu-name.ts';
import { intraNodeOf, nicsOf } from './network.ts';

/** `NVL72`, `NVL36`: GPUs that one NVLink domain spans. */
const domainWord = (printed: string | null): number | null => {
  const found = /nvl(\d{2,3})\b/i.exec(printed ?? '');
  return found?.[1] === undefined ? null : Number(found[1]);
};

/**
 * GPUs that a job has of each NVLink domain: schedulers hand out 16 of the 18 nodes of an NVL72 rack (Slurm
 * segments), so that groups of 2^n ranks lie in one domain; a job of one rack has the whole.
 */
const jobDomain = (domain: number, gpus: number): number => (domain === 72 && gpus > domain ? 64 : domain);

export const clusterOf = (recorded: RecordedCluster, gpus: number, assumptions: string[]): Cluster => {
  const match = gpuPreset(recorded.gpu);
  if (match.assumption !== null) assumptions.push(match.assumption);
  const preset = readAccelerator(match.preset);
  const perNode = Math.min(recorded.perNode ?? preset.perNode, gpus);
  const domain = domainWord(recorded.intraNode) ?? domainWord(recorded.interNode) ?? preset.domain;
  // A partial last node is rounded up; ranks beyond the GPUs that ran do not exist for the estimate.
  const count = Math.ceil(gpus / perNode);
  const intraNode = intraNodeOf(recorded.intraNode, preset.intraNode);
  // Preset nodes have a port per GPU; a node of another size keeps that share.
  const usual = {
    ...preset.nics,
    count: Math.max(
      1,
      Math.round((preset.nics.count * (recorded.perNode ?? preset.perNode)) / preset.perNode),
    ),
  };
  return {
    name: `${count} × ${perNode} ${match.preset}`,
    groups: [
      {
        count,
        hosts: null,
        accelerator: preset.accelerator,
        perNode,
        intraNode,
        nics: nicsOf(recorded.interNode, recorded.perNode ?? preset.perNode, usual),
        pricePerHour: null,
      },
    ],
    domain: domain !== null && domain > perNode ? jobDomain(domain, gpus) : null,
    tiers: [{ name: 'network', nodes: null, oversubscription: 1 }],
    measured: null,
  };
};
