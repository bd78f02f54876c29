// npm run check: every static check, in the order in which a failure is cheapest to read.
import { ensureInstalled, run } from './setup.js';

ensureInstalled();
const checks = [
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['dashboard types', 'tsc', ['-p', 'packages/dashboard/tsconfig.json']],
  ['style', 'biome', ['check', '--error-on-warnings', '.']],
  [
    'import directions',
    'depcruise',
    ['--config', '.dependency-cruiser.cjs', 'packages', 'bench', 'test', 'bin'],
  ],
  ['unused files, exports and dependencies', 'knip', []],
];
for (const [name, program, args] of checks) {
  console.log(`checking ${name} …`);
  run(program, args);
}
console.log('all checks passed');
