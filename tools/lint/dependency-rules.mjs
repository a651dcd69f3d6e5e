// Which way imports may point: core <- every other package <- apps. Read by dependency-cruiser.

/** Every package may import these: what is shared, and the readers of the two formats of weights. */
const foundation = 'core|safetensors|pth';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'packages-import-only-the-foundation',
      comment:
        'A package imports no sibling but core, safetensors and pth. What two packages need belongs in core.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/', pathNot: '^packages/(backends|safetensors)/' },
      to: { path: '^packages/', pathNot: `^packages/(${foundation}|$1)/` },
    },
    {
      name: 'backends-may-offer-native',
      comment: 'backends picks among backends, so it alone may also import native.',
      severity: 'error',
      from: { path: '^packages/backends/src/' },
      to: { path: '^packages/', pathNot: `^packages/(${foundation}|backends|native)/` },
    },
    {
      name: 'safetensors-stands-alone',
      comment: 'safetensors is useful without the rest: it imports no sibling.',
      severity: 'error',
      from: { path: '^packages/safetensors/src/' },
      to: { path: '^packages/(?!safetensors/)' },
    },
    {
      name: 'pth-stands-on-safetensors',
      comment: 'pth is useful without the rest: it imports safetensors alone.',
      severity: 'error',
      from: { path: '^packages/pth/src/' },
      to: { path: '^packages/(?!pth/|safetensors/)' },
    },
    {
      name: 'packages-do-not-import-apps',
      comment: 'Apps compose packages, never the other way round.',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^(apps|examples)/' },
    },
    {
      name: 'apps-do-not-import-apps',
      comment: 'What two apps need belongs in a package.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'siblings-by-name',
      comment: 'A relative path into another package breaks once both are published: import its name.',
      severity: 'error',
      from: { path: '^(packages|apps)/([^/]+)/src/' },
      to: { path: '^(packages|apps|tools)/', pathNot: '^$1/$2/', dependencyTypes: ['local'] },
    },
    {
      name: 'src-does-not-import-tests',
      comment: 'Tests are not published.',
      severity: 'error',
      from: { path: '^(packages|apps)/[^/]+/src/' },
      to: { path: '^(packages|apps)/[^/]+/test/' },
    },
    {
      name: 'src-does-not-import-dev-dependencies',
      comment: 'Whoever installs the package does not get its devDependencies.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer', 'npm-optional', 'type-only'] },
    },
    {
      name: 'no-cycles',
      comment: 'Files that import each other are one file, or hide a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'The import resolves to nothing. Is it in the package.json of the package?',
      severity: 'error',
      from: { path: '/src/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(packages|apps)/[^/]+/(dist|build|prebuilds)/' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@srmcmc/source', 'import', 'node', 'types', 'default'],
      mainFields: ['module', 'main', 'types'],
    },
    skipAnalysisNotInRules: true,
  },
};
