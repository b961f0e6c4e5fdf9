import { layoutId } from './keys.ts';
import { compareCandidates, type Candidate } from './ranking.ts';

/** The best strategy of each of the best layouts; plans that tie with the last wanted one are kept, so that the order of evaluation decides nothing. */
export class Incumbents {
  private readonly byLayout = new Map<string, Candidate>();
  private readonly wanted: number;
  /** Objective of the last wanted plan; Infinity until there are as many. */
  threshold = Infinity;

  constructor(wanted: number) {
    this.wanted = wanted;
  }

  get isEmpty(): boolean {
    return this.byLayout.size === 0;
  }

  get best(): number {
    return this.ranked()[0]?.value ?? Infinity;
  }

  of(layout: string): Candidate | undefined {
    return this.byLayout.get(layout);
  }

  offer(candidate: Candidate): void {
    if (candidate.value > this.threshold) return;
    const id = layoutId(candidate.strategy);
    const known = this.byLayout.get(id);
    if (known !== undefined && compareCandidates(known, candidate) <= 0) return;
    this.byLayout.set(id, candidate);
    const ranked = this.ranked();
    this.threshold = ranked[this.wanted - 1]?.value ?? Infinity;
    if (this.byLayout.size <= 2 * this.wanted) return;
    for (const each of ranked) if (each.value > this.threshold) this.byLayout.delete(layoutId(each.strategy));
  }

  ranked(): Candidate[] {
    return [...this.byLayout.values()].sort(compareCandidates);
  }
}
