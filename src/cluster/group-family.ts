import type { RankMap } from './rank-map.ts';

/**
 * All groups of one kind that a rank grid makes: `size` ranks each, `stride` apart, over ranks 0 … world − 1.
 * They communicate at the same time.
 */
export interface GroupFamily {
  readonly world: number;
  readonly size: number;
  readonly stride: number;
}

/** Throws RangeError where the family does not tile its world, or the world exceeds the cluster. */
export const checkFamily = (map: RankMap, { world, size, stride }: GroupFamily): void => {
  if (!(world <= map.ranks && world % (size * stride) === 0)) {
    throw new RangeError(
      `groups of ${size} ranks ${stride} apart do not tile ${world} of ${map.ranks} ranks`,
    );
  }
};
