/** Checks that every package.json has what a published package needs, in the one form the workspace uses. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Manifest, type Member, members } from './workspace.ts';

/** Complaints about the packages and apps under `base`, as "directory: problem". */
export function checkManifests(base: string): string[] {
  return members(base).flatMap((member) => {
    const at = join(base, member.directory);
    const claims = [
      ...commonClaims(at, member.manifest),
      ...(member.manifest.private === true ? [] : publishedClaims(at, member.manifest)),
      ...(member.directory.startsWith('packages/') ? packageClaims(member) : []),
    ];
    return claims.filter(([holds]) => !holds).map(([, problem]) => `${member.directory}: ${problem}`);
  });
}

type Claim = readonly [holds: boolean, problem: string];

function commonClaims(at: string, manifest: Manifest): Claim[] {
  const { dependencies, devDependencies, peerDependencies, optionalDependencies } = manifest;
  const all = { ...dependencies, ...devDependencies, ...peerDependencies, ...optionalDependencies };
  return [
    [manifest.name === `@srmcmc/${basename(at)}`, `name: must be @srmcmc/${basename(at)}`],
    [String(manifest.description ?? '').length > 0, 'description: missing'],
    [manifest.license === 'MIT', 'license: must be MIT'],
    [manifest.type === 'module', 'type: must be "module"'],
    [(manifest.engines as Record<string, string>)?.node === '>=20', 'engines.node: must be ">=20"'],
    [existsSync(join(at, 'README.md')), 'README.md: missing'],
    ...['repository', 'homepage', 'bugs'].map((field): Claim => [
      manifest[field] === undefined,
      `${field}: no URL of one hosting site belongs here`,
    ]),
    ...Object.entries(all)
      .filter(([name]) => name.startsWith('@srmcmc/'))
      .map(([name, range]): Claim => [range.startsWith('workspace:'), `${name}: use "workspace:^"`]),
  ];
}

function publishedClaims(at: string, manifest: Manifest): Claim[] {
  const files = manifest.files ?? [];
  return [
    [/^\d+\.\d+\.\d+$/.test(manifest.version ?? ''), 'version: a plain x.y.z is needed'],
    [manifest.sideEffects !== undefined, 'sideEffects: say false, or which files have them'],
    [files.includes('dist') && files.includes('src'), 'files: must list dist, and src for the source maps'],
    [manifest.publishConfig?.access === 'public', 'publishConfig.access: must be "public"'],
    ...exportClaims(at, manifest),
  ];
}

function packageClaims({ manifest }: Member): Claim[] {
  return [
    [manifest.private !== true, 'private: packages are published, remove it'],
    [
      manifest.dependencies?.['@tensorflow/tfjs-core'] === undefined,
      '@tensorflow/tfjs-core: must be a peer dependency; two copies of it do not share tensors',
    ],
  ];
}

/** Each export is source, types, default in this order, because the first condition that holds wins. */
function exportClaims(at: string, { exports = {} }: Manifest): Claim[] {
  const entries = Object.entries(exports).filter(([path]) => path !== './package.json');
  return [
    [entries.some(([path]) => path === '.'), 'exports: "." is missing'],
    ...entries.flatMap(([path, target]): Claim[] => {
      if (typeof target === 'string') return [[false, `exports["${path}"]: must be an object of conditions`]];
      const source = target['@srmcmc/source'] ?? '';
      const built = source.replace(/^\.\/src\//, './dist/').replace(/\.ts$/, '');
      return [
        [
          Object.keys(target).join() === '@srmcmc/source,types,default',
          `exports["${path}"]: the conditions must be @srmcmc/source, types, default, in this order`,
        ],
        [
          /^\.\/src\/.+\.ts$/.test(source),
          `exports["${path}"]: the source condition must name a file in src`,
        ],
        [existsSync(join(at, source)), `exports["${path}"]: ${source} does not exist`],
        [target.types === `${built}.d.ts`, `exports["${path}"].types: must be ${built}.d.ts`],
        [target.default === `${built}.js`, `exports["${path}"].default: must be ${built}.js`],
      ];
    }),
  ];
}
