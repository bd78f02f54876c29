import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { formatIssue } from '@sluice/core/config/print-issue';
import { loadSettings, type SettingsSource } from './load-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-settings-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

function load(text: string, source: Partial<SettingsSource> = {}) {
  const file = write('sluice.yaml', text);
  const { settings, issues } = loadSettings({ file, ...source });
  return { settings, lines: issues.map((issue) => formatIssue(issue).replace(`${folder}/`, '')), issues };
}

describe('loadSettings', () => {
  it('needs no file at all', () => {
    const { settings, issues } = loadSettings({});
    assert.deepEqual(issues, []);
    assert.equal(settings?.control.listen, '127.0.0.1:9090');
    assert.deepEqual(settings?.route.rules, undefined);
  });

  it('accepts the commented sample without a finding', () => {
    const sample = fileURLToPath(new URL('../../../../docs/sluice.yaml', import.meta.url));
    assert.deepEqual(loadSettings({ file: sample }).issues.map(formatIssue), []);
  });

  const mistakes: readonly { section: string; text: string; line: RegExp; found: RegExp }[] = [
    {
      section: 'control',
      text: 'control:\n  listen: 9090\n',
      line: /^sluice\.yaml:2:11: error: control\.listen: expected a text/,
      found: /9090/,
    },
    {
      section: 'control (semantic)',
      text: 'control:\n  listen: 0.0.0.0:9090\n',
      line: /^sluice\.yaml:2:11: error: control\.listen: .*control\.secret must be set/,
      found: /0\.0\.0\.0:9090/,
    },
    {
      section: 'data-dir',
      text: 'data-dir: [a]\n',
      line: /^sluice\.yaml:1:11: error: data-dir: expected a text/,
      found: /a list/,
    },
    {
      section: 'log',
      text: 'log:\n  level: loud\n',
      line: /^sluice\.yaml:2:10: error: log\.level: expected one of debug, info, warning, error, silent/,
      found: /loud/,
    },
    {
      section: 'route',
      text: 'route:\n  mixed-port: 99999\n',
      line: /^sluice\.yaml:2:15: error: route\.mixed-port: expected a whole number from 0 to 65535/,
      found: /99999/,
    },
    {
      section: 'inspect',
      text: 'inspect:\n  body-limit-bytes: lots\n',
      line: /^sluice\.yaml:2:21: error: inspect\.body-limit-bytes: expected a whole number/,
      found: /lots/,
    },
    {
      section: 'media',
      text: 'media:\n  rtmp:\n    port: 70000\n',
      line: /^sluice\.yaml:3:11: error: media\.rtmp\.port: /,
      found: /70000/,
    },
  ];
  for (const { section, text, line, found } of mistakes) {
    it(`says file, line, column, expected and found of a mistake in ${section}`, () => {
      const { settings, lines, issues } = load(text);
      assert.equal(settings, undefined);
      assert.match(lines[0] ?? '', line);
      assert.notEqual(issues[0]?.expected, undefined);
      assert.match(issues[0]?.found ?? '', found);
    });
  }

  it('points at the offending rule line with the kernel’s own text', () => {
    const { lines } = load('route:\n  rules:\n    - DOMAIN,a.com,DIRECT\n    - DOMAIN,b.com,NOWHERE\n');
    assert.match(
      lines[0] ?? '',
      /^sluice\.yaml:4:7: error: route\.rules\.1: rules\[1\] \[DOMAIN,b\.com,NOWHERE\] error: proxy \[NOWHERE\] not found/,
    );
  });

  it('takes the route section from a file it names, keys beside it winning', () => {
    write('clash.yaml', 'mixed-port: 1\nmode: global\n');
    const { settings, lines } = load('route:\n  config: ./clash.yaml\n  mixed-port: 2\n');
    assert.deepEqual(lines, []);
    assert.equal(settings?.route['mixed-port'], 2);
    assert.equal(settings?.route.mode, 'global');
  });

  it('accepts a bare kernel file, with its controller keys', () => {
    const good = load(
      'mixed-port: 7777\nexternal-controller: 0.0.0.0:9999\nlog-level: debug\nrules: ["MATCH,DIRECT"]\n',
    );
    assert.deepEqual(good.lines, [
      'sluice.yaml:2:22: warning: external-controller: 0.0.0.0:9999 without a secret would be open to the network: listening on 127.0.0.1:9999 only',
    ]);
    assert.equal(good.settings?.route['mixed-port'], 7777);
    assert.equal(good.settings?.control.listen, '127.0.0.1:9999', 'without a secret it stays on loopback');
    assert.equal(good.settings?.log.level, 'debug');
    const open = load('external-controller: :9999\nsecret: s3\n');
    assert.equal(open.settings?.control.listen, '0.0.0.0:9999');
    assert.equal(open.settings?.control.secret, 's3');
  });

  it('accepts a media server’s config.ini', () => {
    const file = write('config.ini', '[http]\nport=19092\n[rtmp]\nport=11935\n');
    const { settings, issues } = loadSettings({ file });
    assert.deepEqual(issues.map(formatIssue), []);
    assert.equal(Number(settings?.media.http?.['port']), 19092);
  });

  it('lets the environment and then the command line win', () => {
    const { settings } = load('control: {listen: "127.0.0.1:1"}\nroute: {mixed-port: 1}\n', {
      environment: { SLUICE_ROUTE__MIXED_PORT: '2', SLUICE_CONTROL__LISTEN: '127.0.0.1:2' },
      overrides: [{ path: ['control', 'listen'], value: '127.0.0.1:3', option: '-ext-ctl' }],
    });
    assert.equal(settings?.route['mixed-port'], 2);
    assert.equal(settings?.control.listen, '127.0.0.1:3');
  });

  it('keeps what came through standard input for reloads', () => {
    const script = `
      const { readConfigFile } = await import(${JSON.stringify(new URL('./read-file.ts', import.meta.url).href)});
      readConfigFile('-');
      console.log(readConfigFile('-').node.entries.length);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      input: 'mixed-port: 1\nmode: direct\n',
    });
    assert.equal(stdout.toString().trim(), '2');
  });

  it('reports a file that cannot be read', () => {
    const { settings, issues } = loadSettings({ file: join(folder, 'absent.yaml') });
    assert.equal(settings, undefined);
    assert.match(issues[0]?.message ?? '', /cannot read the configuration file: ENOENT/);
  });
});
