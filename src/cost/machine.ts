/** One kind of node with the calibration of its accelerator and links: what operator times are computed on. */
import type { Accelerator, IntraNodeLink, NodeGroup } from '../cluster/cluster.ts';
import type { Precision } from '../plan/problem.ts';
import { acceleratorCalibration } from './calibration.ts';
import type {
  AcceleratorCalibration,
  Calibration,
  GemmFormat,
  LinkCalibration,
  LinkClass,
} from './calibration.ts';

export interface Machine {
  readonly accelerator: Accelerator;
  readonly constants: AcceleratorCalibration;
  readonly intraNodeConstants: LinkCalibration;
  readonly networkConstants: LinkCalibration;
  /** Peak of each GEMM format, FLOP/s; a format that the hardware lacks runs at the next wider one's rate. */
  readonly peak: Readonly<Record<GemmFormat, number>>;
  /** bytes/s, nominal. */
  readonly memoryBandwidth: number;
}

/** The generation of NVLink follows from the GPU that drives it. */
const intraNodeClass = (link: IntraNodeLink, { architecture }: Accelerator): LinkClass => {
  if (link.kind === 'pcie') return 'pcie';
  if (link.name.startsWith('infinity') || architecture.startsWith('cdna')) return 'infinity-fabric';
  if (architecture === 'blackwell') return 'nvlink5';
  return architecture === 'hopper' ? 'nvlink4' : 'nvlink3';
};

const peaks = (accelerator: Accelerator): Record<GemmFormat, number> => {
  const { peak } = accelerator;
  const half = peak.bf16 ?? peak.fp16 ?? 0;
  const fp8 = peak.fp8 ?? half;
  // fp4 curves are relative to twice the fp8 rate: data sheets differ in what they call dense.
  return {
    fp32: peak.tf32 ?? peak.fp32 ?? half / 8,
    bf16: half,
    fp8,
    nvfp4: peak.nvfp4 === undefined ? fp8 : 2 * fp8,
  };
};

export const machineOf = (group: NodeGroup, calibration: Calibration): Machine => ({
  accelerator: group.accelerator,
  constants: acceleratorCalibration(calibration, group.accelerator),
  intraNodeConstants: calibration.links[intraNodeClass(group.intraNode, group.accelerator)],
  networkConstants: calibration.links[group.nics.kind === 'other' ? 'ethernet' : group.nics.kind],
  peak: peaks(group.accelerator),
  memoryBandwidth: group.accelerator.memoryBandwidth,
});

/** Dense peak of the data sheet in a format, FLOP/s: what MFU is a share of. */
export const densePeak = ({ accelerator, peak }: Machine, format: GemmFormat): number =>
  (format === 'nvfp4' ? accelerator.peak.nvfp4 : undefined) ?? peak[format];

/** Format of the linears that a precision recipe lowers. fp16 runs at the bf16 rate. */
export const gemmFormat = (precision: Precision): GemmFormat => {
  switch (precision) {
    case 'fp32':
      return 'fp32';
    case 'fp16':
    case 'bf16':
      return 'bf16';
    case 'fp8':
    case 'mxfp8':
      return 'fp8';
    case 'nvfp4':
      return 'nvfp4';
  }
};
