/** Rules that a SPEC adds. */
export const specRules: readonly string[] = [
  'planner/world-cluster',
  'planner/idle-cluster',
  'planner/out-of-memory',
  'planner/slower-plan',
];
