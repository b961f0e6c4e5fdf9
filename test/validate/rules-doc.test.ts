import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rulesPage } from '../../scripts/rules-doc.ts';
import { ruleIds } from '../../src/validate/all-rules.ts';
import { repositoryPath } from '../shared-data.ts';

describe('docs/rules.md', () => {
  const page = readFileSync(repositoryPath('docs', 'rules.md'), 'utf8');

  it('says what the program says (npx tsx scripts/rules-doc.ts writes it)', () => {
    expect(page).toBe(rulesPage());
  });

  it('has an anchor for every rule, and an example for all but those that no file can break', () => {
    for (const id of ruleIds()) expect(page).toContain(`<a id="${id.replace('/', '-')}"></a>`);
    const without = page.split('No file of this runtime').length - 1;
    expect(without).toBeLessThanOrEqual(62);
  });
});
