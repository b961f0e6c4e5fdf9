/**
 * Prints the figures of expert placement on measured routing: `npx tsx scripts/placement-report.ts [SECTION…]`, of
 * balance, effort, robust, locality, moetuner, exflow, scale. All take some minutes.
 */
import { balanceSection, effortSection } from './placement/balance.ts';
import { localitySection } from './placement/locality.ts';
import { exflowSection, moetunerSection } from './placement/moetuner.ts';
import { robustSection } from './placement/robust.ts';
import { scaleSection } from './placement/scale.ts';

const SECTIONS: Readonly<Record<string, () => void | Promise<void>>> = {
  balance: balanceSection,
  robust: robustSection,
  locality: localitySection,
  moetuner: moetunerSection,
  exflow: exflowSection,
  scale: scaleSection,
  effort: effortSection,
};

const asked = process.argv.slice(2);
const run = async (): Promise<void> => {
  for (const name of asked.length === 0 ? Object.keys(SECTIONS) : asked) {
    const section = SECTIONS[name];
    if (section === undefined) throw new Error(`no section ${name}: ${Object.keys(SECTIONS).join(', ')}`);
    await section();
  }
};
await run();
