/** A generator of numbers in [0, 1) that depends on nothing but its seed. Source: Tommy Ettinger's mulberry32, public domain. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
};

/** An integer in [0, below). */
export const randomIndex = (random: () => number, below: number): number => Math.floor(random() * below);
