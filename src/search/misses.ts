import { bytes } from '../units.ts';
import type { NearestMiss } from '../plan/plan.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { layoutId } from './keys.ts';
import type { PartitionChoice } from './partition-choice.ts';

/** What came closest to fitting: the least missing bytes of every layout, and of those the smallest. */
export class Misses {
  private readonly best = new Map<string, { strategy: Strategy; choice: PartitionChoice }>();
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(strategy: Strategy, choice: PartitionChoice): void {
    const id = layoutId(strategy);
    const known = this.best.get(id);
    if (known !== undefined && known.choice.shortage <= choice.shortage) return;
    this.best.set(id, { strategy, choice });
    if (this.best.size > 64 * this.capacity) this.trim();
  }

  private ranked(): [string, { strategy: Strategy; choice: PartitionChoice }][] {
    return [...this.best].sort(
      ([leftId, left], [rightId, right]) =>
        left.choice.shortage - right.choice.shortage || (leftId < rightId ? -1 : leftId > rightId ? 1 : 0),
    );
  }

  private trim(): void {
    for (const [id] of this.ranked().slice(8 * this.capacity)) this.best.delete(id);
  }

  /** Smallest first; `reasons` explains one of them. */
  list(reasons: (strategy: Strategy, choice: PartitionChoice) => readonly string[]): NearestMiss[] {
    return this.ranked()
      .slice(0, this.capacity)
      .map(([, { strategy, choice }]) => ({
        strategy,
        stage: choice.stage,
        missing: bytes(Math.ceil(choice.shortage)),
        reasons: reasons(strategy, choice),
      }));
  }
}
