/** The directions in which packages may import each other (docs/architecture.md). */
const only = (from, allowed) => ({
  name: `${from}-imports`,
  comment: `${from} may import only ${allowed.length === 0 ? 'itself' : allowed.join(', ')}`,
  severity: 'error',
  from: { path: `^packages/${from}/src` },
  to: { path: '^packages/', pathNot: [from, ...allowed].map((name) => `^packages/${name}/src`) },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    only('base', []),
    only('codec', ['base']),
    only('core', ['base']),
    only('route', ['base', 'codec', 'core']),
    only('inspect', ['base', 'codec', 'core']),
    only('media', ['base', 'codec', 'core']),
    only('api', ['base', 'core', 'route', 'inspect', 'media']),
    only('dashboard', ['api']),
    {
      name: 'api-sees-only-ports',
      comment: 'a dialect maps requests to the use cases of a plane and reaches no further into it',
      severity: 'error',
      from: { path: '^packages/api/src', pathNot: '\\.test\\.ts$' },
      to: { path: '^packages/(route|inspect|media)/src', pathNot: '^packages/[^/]+/src/port\\.ts$' },
    },
    {
      name: 'codecs-are-sans-io',
      comment: 'a codec owns no socket, timer, file or process',
      severity: 'error',
      from: { path: '^packages/codec/src', pathNot: '\\.test\\.ts$' },
      to: { path: '^(node:)?(net|tls|dgram|http|https|http2|fs|fs/promises|timers|timers/promises|child_process|worker_threads|dns)$' },
    },
    {
      name: 'no-cycles',
      comment: 'data flows one way',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(/dist/|/node_modules/)' },
    tsConfig: { fileName: 'tsconfig.json' },
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default'], extensions: ['.ts', '.tsx', '.js', '.cjs', '.mjs'] },
  },
};
