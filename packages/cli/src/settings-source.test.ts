import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { formatIssue } from '@sluice/core/config/print-issue';
import { loadSettings } from './settings/load-settings.ts';
import { createMissingFile, type SettingsOptions, settingsSource } from './settings-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-source-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = join(folder, 'kernel.yaml');
writeFileSync(file, 'mode: direct\nsecret: from-file\n');

function load(options: SettingsOptions, environment: Record<string, string> = {}) {
  const source = settingsSource(options, environment);
  const { settings, issues } = loadSettings(source);
  return { source, settings, lines: issues.map(formatIssue) };
}

describe('settings of kernel launchers', () => {
  it('take a whole configuration in base64', () => {
    const configString = Buffer.from('mode: global\nmixed-port: 1\n').toString('base64');
    assert.equal(load({ configString }).settings?.route.mode, 'global');
    assert.equal(load({}, { CLASH_CONFIG_STRING: configString }).settings?.route['mixed-port'], 1);
    assert.throws(() => settingsSource({ configString: 'mode: global' }, {}), /not base64/);
    const wrong = Buffer.from('mixed-port: x\n').toString('base64');
    assert.match(load({ configString: wrong }).lines.join(), /^configuration string:1:13: error: /);
  });

  const overrides: readonly [string, SettingsOptions, Record<string, string>][] = [
    ['options', { extCtl: '127.0.0.1:1', extCtlUnix: 'c.sock', extUi: 'ui', secret: 's' }, {}],
    [
      'the environment',
      {},
      {
        CLASH_OVERRIDE_EXTERNAL_CONTROLLER: '127.0.0.1:1',
        CLASH_OVERRIDE_EXTERNAL_CONTROLLER_UNIX: 'c.sock',
        CLASH_OVERRIDE_EXTERNAL_UI_DIR: 'ui',
        CLASH_OVERRIDE_SECRET: 's',
      },
    ],
  ];
  for (const [name, options, environment] of overrides) {
    it(`let ${name} win over the file`, () => {
      const { settings, lines } = load({ file, ...options }, environment);
      assert.deepEqual(lines, []);
      assert.equal(settings?.control.listen, '127.0.0.1:1');
      assert.equal(settings?.control.secret, 's');
      assert.equal(settings?.control.ui, join(folder, 'ui'));
      assert.equal(settings?.route['external-controller-unix'], 'c.sock');
    });
  }

  it('leave the file alone where a variable is empty', () => {
    assert.equal(load({ file }, { CLASH_OVERRIDE_SECRET: '' }).settings?.control.secret, 'from-file');
  });

  it('let -m say what GEOIP reads only where the file does not', () => {
    assert.equal(load({ file, geodata: true }).settings?.route['geodata-mode'], true);
    assert.equal(load({ file }).settings?.route['geodata-mode'], false);
    const written = join(folder, 'geodata.yaml');
    writeFileSync(written, 'geodata-mode: false\n');
    assert.equal(load({ file: written, geodata: true }).settings?.route['geodata-mode'], false);
  });

  it('start from the kernel home that is there, then from the folder of the file', () => {
    const kernelHome = join(folder, 'user', '.config', 'mihomo');
    const environment = { HOME: join(folder, 'user') };
    assert.equal(settingsSource({ file }, environment).home, undefined);
    mkdirSync(kernelHome, { recursive: true });
    assert.equal(settingsSource({ file }, environment).home, kernelHome);
    assert.equal(settingsSource({ file, directory: folder }, environment).home, folder);
    assert.equal(settingsSource({ config: file }, environment).home, undefined);
    assert.equal(settingsSource({ file: 'config.ini' }, environment).home, undefined);
  });

  it('make the file when it is missing, and refuse an empty one', () => {
    const home = join(folder, 'fresh');
    const source = settingsSource({ directory: home }, {});
    assert.equal(existsSync(home), false);
    assert.equal(createMissingFile(source), join(home, 'config.yaml'));
    assert.equal(createMissingFile(source), undefined);
    assert.equal(readFileSync(join(home, 'config.yaml'), 'utf8'), 'mixed-port: 7890\n');
    writeFileSync(join(home, 'config.yaml'), '');
    assert.match(
      load({ directory: home }).lines.join(),
      /config\.yaml:1:1: error: configuration file .*config\.yaml is empty$/,
    );
  });
});
