import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Type from 'typebox';
import { decodeConfig, defaultOf } from './decode.ts';
import { applyEnvironment } from './environment.ts';
import { parseIniConfig } from './ini.ts';
import { toJsonSchema } from './json-schema.ts';
import { formatIssue } from './print-issue.ts';
import { parseYamlConfig } from './yaml.ts';

const schema = Type.Object({
  control: Type.Object({
    listen: Type.String({ default: '127.0.0.1:9090' }),
    secret: Type.String({ default: '' }),
  }),
  route: Type.Object({
    'mixed-port': Type.Integer({ default: 7890, minimum: 0, maximum: 65535 }),
    mode: Type.Union([Type.Literal('rule'), Type.Literal('global'), Type.Literal('direct')], {
      default: 'rule',
      ignoreCase: true,
    }),
    proxies: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          port: Type.Integer({ minimum: 1, maximum: 65535 }),
          password: Type.Optional(Type.String()),
        },
        { weak: true, foldKeys: true },
      ),
      { default: [] },
    ),
  }),
});

function decode(text: string) {
  const parsed = parseYamlConfig(text, 'sluice.yaml');
  const decoded = decodeConfig<Type.Static<typeof schema>>(schema, parsed.node);
  return { ...decoded, lines: [...parsed.issues, ...decoded.issues].map(formatIssue) };
}

describe('decodeConfig', () => {
  it('gives the defaults for an empty document', () => {
    const { value, lines } = decode('');
    assert.deepEqual(value, {
      control: { listen: '127.0.0.1:9090', secret: '' },
      route: { 'mixed-port': 7890, mode: 'rule', proxies: [] },
    });
    assert.deepEqual(lines, []);
    assert.deepEqual(defaultOf(schema), value);
  });

  it('says file, line, column, path, expected and found of a wrong value', () => {
    const { lines, issues } = decode('route:\n  mixed-port: 70000\n');
    assert.deepEqual(lines, [
      'sluice.yaml:2:15: error: route.mixed-port: expected a whole number from 0 to 65535, found the number 70000',
    ]);
    assert.deepEqual(issues[0]?.path, ['route', 'mixed-port']);
    assert.equal(issues[0]?.expected, 'a whole number from 0 to 65535');
    assert.equal(issues[0]?.found, 'the number 70000');
  });

  it('warns of an unknown key with the nearest known name and goes on', () => {
    const { lines, value } = decode('route:\n  mixed-prot: 1080\n');
    assert.deepEqual(lines, [
      'sluice.yaml:2:3: warning: route.mixed-prot: unknown key is ignored; did you mean "mixed-port"?',
    ]);
    assert.equal(value.route['mixed-port'], 7890);
  });

  it('reports every error, not only the first', () => {
    const { lines } = decode('control: 5\nroute:\n  mode: fast\n  proxies: [{name: a, port: x}]\n');
    assert.equal(lines.length, 3);
    assert.match(
      lines[0] ?? '',
      /^sluice\.yaml:1:10: error: control: expected a mapping, found the number 5$/,
    );
    assert.match(
      lines[1] ?? '',
      /3:9: error: route\.mode: expected one of rule, global, direct, found the text "fast"/,
    );
    assert.match(
      lines[2] ?? '',
      /4:29: error: route\.proxies\.0\.port: expected a whole number from 1 to 65535, found the text "x"/,
    );
  });

  it('decodes weakly only where the schema says so', () => {
    const { value, lines } = decode('route:\n  proxies:\n    - {Name: 007, PORT: "0x50", password: 12.50}\n');
    assert.deepEqual(lines, []);
    assert.deepEqual(value.route.proxies, [{ name: '007', port: 80, password: '12.50' }]);
    assert.match(decode('control: {listen: 9090}').lines[0] ?? '', /expected a text, found the number 9090/);
  });

  it('matches enumerations in any case where allowed', () => {
    assert.equal(decode('route: {mode: GLOBAL}').value.route.mode, 'global');
  });

  it('names a missing mandatory key at its mapping', () => {
    const { lines } = decode('route:\n  proxies:\n    - {name: a}\n');
    assert.deepEqual(lines, [
      "sluice.yaml:3:7: error: route.proxies.0.port: key 'port' missing (expected a whole number from 1 to 65535, found a mapping)",
    ]);
  });

  it('expands anchors, aliases and merge keys, explicit keys winning', () => {
    const { value, lines } = decode(
      'route:\n  proxies:\n    - &a {name: one, port: 1}\n    - {<<: *a, name: two}\n    - *a\n',
    );
    assert.deepEqual(lines, []);
    assert.deepEqual(
      value.route.proxies.map((proxy) => proxy.name),
      ['one', 'two', 'one'],
    );
  });

  it('reports syntax errors and duplicate keys with their place', () => {
    assert.match(decode('control: [').lines[0] ?? '', /^sluice\.yaml:1:\d+: error: yaml: /);
    assert.match(
      decode('control: {}\ncontrol: {}\n').lines[0] ?? '',
      /^sluice\.yaml:2:1: error: yaml: Map keys must be unique/,
    );
  });

  it('refuses a document whose aliases expand without end', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) =>
        `a${i}: &a${i} [${
          i === 0
            ? '1'
            : Array(10)
                .fill(`*a${i - 1}`)
                .join(',')
        }]`,
    );
    const parsed = parseYamlConfig(levels.join('\n'), 'bomb.yaml');
    assert.match(parsed.issues[0]?.message ?? '', /expands to more than/);
  });

  it('never lets a key reach the prototype', () => {
    const open = Type.Object({}, { additionalProperties: true });
    const value = decodeConfig<Record<string, unknown>>(
      open,
      parseYamlConfig('__proto__: {polluted: 1}', 'x').node,
    ).value;
    assert.equal((value as { polluted?: number }).polluted, undefined);
  });
});

describe('applyEnvironment', () => {
  it('overrides a key, read as YAML, and reports unknown names', () => {
    const { node, issues } = applyEnvironment(schema, parseYamlConfig('route: {mode: direct}', 'f').node, {
      SLUICE_ROUTE__MIXED_PORT: '1080',
      SLUICE_ROUTE__MIXD_PORT: '1',
      PATH: '/bin',
    });
    const value = decodeConfig<Type.Static<typeof schema>>(schema, node).value;
    assert.equal(value.route['mixed-port'], 1080);
    assert.equal(value.route.mode, 'direct');
    assert.deepEqual(
      issues.map((issue) => issue.message),
      ['SLUICE_ROUTE__MIXD_PORT names no setting and is ignored; did you mean SLUICE_ROUTE__MIXED_PORT?'],
    );
  });

  it('names the variable as the place of a wrong value', () => {
    const { node } = applyEnvironment(schema, parseYamlConfig('', 'f').node, {
      SLUICE_ROUTE__MIXED_PORT: 'many',
    });
    const { issues } = decodeConfig(schema, node);
    assert.equal(issues[0]?.file, 'environment variable SLUICE_ROUTE__MIXED_PORT');
  });
});

it('tells of what is not served only where it is asked for', () => {
  const schema = Type.Object({ tun: Type.Optional(Type.Unknown({ notServed: true })) });
  const count = (text: string) => decodeConfig(schema, parseYamlConfig(text, 'f').node).issues.length;
  for (const text of ['tun: {enable: true}', 'tun: {stack: mixed}', 'tun: 1', 'tun: [a]', 'tun: x'])
    assert.equal(count(text), 1, text);
  for (const text of [
    'tun: {enable: false, stack: mixed}',
    'tun: {}',
    'tun: []',
    'tun: ""',
    'tun:',
    'tun: 0',
  ])
    assert.equal(count(text), 0, text);
});

describe('parseIniConfig', () => {
  it('reads sections and keys with their places', () => {
    const { node, issues } = parseIniConfig(
      '# note\n[http]\nport=9092\n [rtmp]\nport = 1935\nbroken\n',
      'config.ini',
    );
    const decoded = decodeConfig<Record<string, Record<string, number>>>(
      Type.Record(Type.String(), Type.Record(Type.String(), Type.Integer()), { weak: true }),
      node,
    );
    assert.deepEqual(decoded.value, { http: { port: 9092 }, rtmp: { port: 1935 } });
    assert.deepEqual(issues.map(formatIssue), ['config.ini:6:1: error: expected key=value (found broken)']);
  });
});

describe('toJsonSchema', () => {
  it('hides own keywords and demands only what has no default', () => {
    const json = toJsonSchema(schema, 'Sluice') as {
      properties: {
        route: {
          required?: string[];
          properties: { proxies: { items: { required?: string[] } }; mode: object };
        };
      };
    };
    assert.equal(json.properties.route.required, undefined);
    assert.deepEqual(json.properties.route.properties.proxies.items.required, ['name', 'port']);
    assert.equal('ignoreCase' in json.properties.route.properties.mode, false);
  });
});
