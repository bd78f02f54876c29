import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { ProcFsLookup } from './proc-fs-lookup.ts';
import { findSocket, socketKeys } from './socket-table.ts';

const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

function row(local: string, uid: number, inode: number): string {
  return `   4: ${local} 0100007F:859B 01 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 2 000000 20\n`;
}

describe('socketKeys', () => {
  it('prints addresses as little-endian kernels do', () => {
    assert.deepEqual(socketKeys('tcp', '127.0.0.1', 51_772, true), [
      { table: 'v4', local: '0100007F:CA3C' },
      { table: 'v6', local: '0000000000000000FFFF00000100007F:CA3C' },
    ]);
    assert.deepEqual(socketKeys('tcp', '::1', 35_097, true), [
      { table: 'v6', local: '00000000000000000000000001000000:8919' },
    ]);
    assert.deepEqual(socketKeys('tcp', '10.1.2.3', 80, false)[0], { table: 'v4', local: '0A010203:0050' });
  });

  it('looks for unbound UDP sockets too', () => {
    assert.deepEqual(
      socketKeys('udp', '10.1.2.3', 80, true).map(({ local }) => local),
      [
        '0302010A:0050',
        '0000000000000000FFFF00000302010A:0050',
        '00000000:0050',
        '00000000000000000000000000000000:0050',
      ],
    );
  });

  it('knows no place for what is no address', () =>
    assert.deepEqual(socketKeys('tcp', 'a.test', 1, true), []));
});

describe('findSocket', () => {
  const table = `${HEADER}${row('0100007F:CA3C', 0, 0)}${row('0100007F:CA3C', 1000, 77)}`;

  it('passes over rows without an owner', () => {
    assert.deepEqual(findSocket(table, '0100007F:CA3C'), { uid: 1000, inode: '77' });
  });

  it('finds nothing in other or broken tables', () => {
    assert.equal(findSocket(table, '0100007F:CA3D'), undefined);
    for (const text of ['', HEADER, ' 4: 0100007F:CA3C ', ' 4: 0100007F:CA3C x y z a b c d e f g']) {
      assert.equal(findSocket(text, '0100007F:CA3C'), undefined);
    }
  });
});

describe('ProcFsLookup', { skip: process.platform !== 'linux' || endianness() !== 'LE' }, () => {
  let folder = '';
  const uid = process.getuid?.() ?? 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-proc-'));
    await mkdir(join(folder, 'net'));
    await mkdir(join(folder, '17', 'fd'), { recursive: true });
    await mkdir(join(folder, '18'));
    await symlink('/usr/bin/curl (deleted)', join(folder, '17', 'exe'));
    await symlink('/dev/null', join(folder, '17', 'fd', '0'));
    await symlink('socket:[77]', join(folder, '17', 'fd', '3'));
    await writeFile(join(folder, 'net', 'tcp'), `${HEADER}${row('0302010A:0050', uid, 77)}`);
    await writeFile(join(folder, 'net', 'udp6'), `${HEADER}${row(`${'0'.repeat(32)}:0050`, uid, 99)}`);
  });

  after(() => rm(folder, { recursive: true }));

  function lookup(clock = new FakeClock()): ProcFsLookup {
    return new ProcFsLookup({ clock, path: folder, ownAddresses: () => new Set(['10.1.2.3']) });
  }

  it('finds the process of a socket', async () => {
    const curl = { uid, path: '/usr/bin/curl', name: 'curl' };
    const procs = lookup();
    assert.deepEqual(await procs.find('tcp', '10.1.2.3', 80), curl);
    assert.equal(await procs.find('tcp', '10.1.2.3', 81), undefined);
  });

  it('knows the user of a socket that no visible process has', async () => {
    assert.deepEqual(await lookup().find('udp', '10.1.2.3', 80), { uid, path: '', name: '' });
  });

  it('does not look for sockets of other machines', async () => {
    assert.equal(await lookup().find('tcp', '10.1.2.4', 80), undefined);
  });

  it('believes an answer for a second', async () => {
    const clock = new FakeClock();
    const procs = lookup(clock);
    const path = join(folder, 'net', 'tcp6');
    assert.equal(await procs.find('tcp', '::1', 90), undefined);
    await writeFile(path, `${HEADER}${row('00000000000000000000000001000000:005A', uid, 77)}`);
    assert.equal(await procs.find('tcp', '::1', 90), undefined);
    clock.advance(1000);
    assert.equal((await procs.find('tcp', '::1', 90))?.name, 'curl');
  });

  it('answers all of a crowd', async () => {
    const procs = lookup();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => procs.find('tcp', '10.1.2.3', index)),
    );
    assert.deepEqual(
      answers.map((each) => each?.name),
      Array.from({ length: 100 }, (_, index) => (index === 80 ? 'curl' : undefined)),
    );
  });

  it('finds this very process', async () => {
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const client = connect(address.port, '127.0.0.1');
    await once(client, 'connect');
    try {
      const procs = new ProcFsLookup({ clock: new FakeClock() });
      const found = await procs.find('tcp', '127.0.0.1', client.localPort ?? 0);
      assert.deepEqual([found?.uid, found?.path], [uid, process.execPath]);
    } finally {
      client.destroy();
      server.close();
    }
  });
});
