/** Layers point one way (docs/architecture.md). Each rule says what would go wrong. */
const rooms = {
  cluster: ['cluster'],
  model: ['model'],
  strategy: ['strategy', 'cluster', 'model'],
  plan: ['plan', 'strategy', 'cluster', 'model'],
  runtimes: ['runtimes', 'plan', 'strategy', 'cluster', 'model'],
  cost: ['cost', 'runtimes', 'plan', 'strategy', 'cluster', 'model'],
  solver: ['solver'],
  placement: ['placement', 'solver', 'cost', 'runtimes', 'plan', 'strategy', 'cluster', 'model'],
  search: ['search', 'placement', 'solver', 'cost', 'runtimes', 'plan', 'strategy', 'cluster', 'model'],
  ingest: ['ingest', 'formats', 'cost', 'runtimes', 'plan', 'strategy', 'cluster', 'model'],
  spec: ['spec', 'ingest', 'formats', 'cost', 'runtimes', 'plan', 'strategy', 'cluster', 'model'],
  accuracy: ['accuracy', 'ingest', 'formats', 'cost', 'runtimes', 'plan', 'strategy', 'cluster', 'model'],
  report: ['report', 'accuracy', 'formats', 'search', 'cost', 'runtimes', 'plan', 'strategy', 'cluster', 'model'],
};
const root = '^src/(units|diagnostics|quantity)\\.ts$';
const layer = ([room, allowed]) => ({
  name: `${room}-knows-nothing-above`,
  comment: `src/${room} may import ${allowed.join(', ')}: a dependency upwards would tie it to its callers.`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: [...allowed.map((r) => `^src/${r}/`), root] },
});
const pure = ['cluster', 'model', 'strategy', 'plan', 'runtimes', 'cost', 'solver', 'placement', 'search'];

module.exports = {
  forbidden: [
    ...Object.entries(rooms).map(layer),
    { name: 'no-cycles', comment: 'Cycles cannot be read in one sitting or tested in parts.', severity: 'error', from: { path: '^src/' }, to: { circular: true, dependencyTypesNot: ['type-only'] } },
    { name: 'pure-core', comment: 'The domain has no I/O: it runs in a worker, a browser, a test.', severity: 'error', from: { path: `^src/(${pure.join('|')})/` }, to: { dependencyTypes: ['core'] } },
    { name: 'yaml-at-the-edge', comment: 'Cost and search know no file format.', severity: 'error', from: { path: `^src/(${pure.filter((r) => r !== 'runtimes').join('|')})/` }, to: { path: 'node_modules/(yaml|ajv|chalk|commander|smol-toml|cli-table3)/' } },
    { name: 'no-orphans', comment: 'A module that nobody imports is dead.', severity: 'error', from: { orphan: true, path: '^src/', pathNot: ['^src/index\\.ts$', '^src/cli/main\\.ts$', '\\.d\\.ts$'] }, to: {} },
  ],
  options: { doNotFollow: { path: 'node_modules' }, tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' }, enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] } },
};
