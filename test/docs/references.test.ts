/** What the documentation names is there. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryPath } from '../shared-data.ts';

/** Megatron-Bridge's, named in the page on its launch files. */
const elsewhere = 'scripts/training/run_recipe.py';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(repositoryPath('docs')).map((name) => path.join('docs', name)),
];
const text = (page: string): string => readFileSync(repositoryPath(page), 'utf8');
const matches = (page: string, pattern: RegExp): readonly string[] =>
  [...text(page).matchAll(pattern)].map(([, found = '']) => found);

describe('the documentation', () => {
  it.each(pages)('%s leads to files that exist', (page) => {
    const links = matches(page, /\]\(([^)#:]+)(?:#[^)]*)?\)/gu).map((link) =>
      path.join(path.dirname(page), link),
    );
    const files = matches(page, /`((?:src|docs|scripts|configs|test|bench|schema)\/[\w./-]+)`/gu);
    const scripts = matches(page, /(?:tsx|node) ((?:scripts|bench|bin|src)\/[\w./-]+)/gu);
    const missing = [...links, ...files, ...scripts].filter(
      (file) => file !== elsewhere && !existsSync(repositoryPath(file)),
    );
    expect(missing).toEqual([]);
  });

  it('the architecture knows every room, and where to start reading it', () => {
    const rows = matches('docs/architecture.md', /^\| `src\/(\S+?)\/(?:<name>\/)?`.*$/gmu);
    const rooms = readdirSync(repositoryPath('src')).filter((name) =>
      statSync(repositoryPath('src', name)).isDirectory(),
    );
    expect([...rows].sort()).toEqual(rooms.sort());
    const starts = [
      ...text('docs/architecture.md').matchAll(/^\| `src\/(\S+?)\/(?:<name>\/)?`.*\|(.*)\|$/gmu),
    ];
    expect(starts).toHaveLength(rooms.length);
    for (const [, room = '', cell = ''] of starts)
      for (const [, file = ''] of cell.matchAll(/`([\w-]+\.ts)`/gu))
        expect(existsSync(repositoryPath('src', room, file)), `src/${room}/${file}`).toBe(true);
  });
});
