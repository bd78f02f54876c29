import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Logger } from './log/logger.ts';
import { ServiceGroup } from './service-group.ts';

const lines: string[] = [];
const write = (text: string): void => void lines.push(text);
const log: Logger = {
  enabled: () => true,
  debug: write,
  info: write,
  warning: write,
  error: write,
  child: () => log,
};

function services(calls: string[]) {
  return ['a', 'b', 'c'].map((name) => ({
    name,
    start: async () => {
      if (name === 'b') throw new Error('the port is taken');
      calls.push(`+${name}`);
    },
    stop: async () => void calls.push(`-${name}`),
  }));
}

it('stops what was started when a service cannot start', async () => {
  const calls: string[] = [];
  await assert.rejects(new ServiceGroup(log, services(calls)).start(), /the port is taken/);
  assert.deepEqual(calls, ['+a', '-a']);
});

it('goes on without a service that can be dispensed with', async () => {
  const calls: string[] = [];
  const group = new ServiceGroup(log, services(calls), ({ name }) => name === 'b');
  await group.start();
  await group.stop(AbortSignal.timeout(1_000));
  assert.deepEqual(calls, ['+a', '+c', '-c', '-b', '-a']);
  assert.match(lines.at(-1) ?? '', /^b is not available: the port is taken$/);
});
