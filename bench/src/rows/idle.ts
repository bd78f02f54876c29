import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway } from '../harness/gateway.ts';
import { startLoad } from '../harness/load-process.ts';
import type { BenchOptions } from '../harness/options.ts';
import { type Peer, type StartPeer, startDante, startHaproxyTcp } from '../harness/peers.ts';
import type { PinnedProcess } from '../harness/pinned-process.ts';
import { addNote, addValue, compare, emptySection, type Section } from '../harness/section.ts';
import { measureVariants, variant } from '../harness/variants.ts';
import { freePorts } from '../harness/workspace.ts';

/** So many that what the process keeps for all of them hardly counts. */
const CONNECTIONS = 4_000;
/** A process each. */
const DANTE_CONNECTIONS = 500;
const SETTLE_MS = 5_000;
/** The gateway collects garbage after some idle time. */
const SETTLE_AFTER_LOAD_MS = 35_000;
const BASE = 'MB resident, idle';
const EACH = 'KB/connection';

/** Memory of a gateway that does nothing, and of connections that do nothing. */
export async function benchIdle(options: BenchOptions): Promise<Section> {
  const section = emptySection(
    `Idle memory; ${CONNECTIONS} relayed connections held after one byte each way`,
  );
  const [echoPort = 0] = await freePorts(1);
  const measure = async (
    name: string,
    process: PinnedProcess,
    proxyPort: number,
    via: 'socks5' | 'plain',
    connections = CONNECTIONS,
  ) => {
    await sleep(SETTLE_MS);
    const before = process.usage().rssBytes;
    const load = startLoad('hold-load', { via, proxyPort, echoPort, connections });
    try {
      await load.event('ready', 60_000);
      await sleep(SETTLE_AFTER_LOAD_MS);
      addValue(section, name, BASE, before / 1e6);
      addValue(section, name, EACH, (process.usage().rssBytes - before) / 1e3 / connections);
    } finally {
      await load.process.stop();
    }
  };
  const peer = (name: string, start: StartPeer, via: 'socks5' | 'plain', connections?: number) =>
    variant<Peer>({
      name,
      start: (folder) => start(folder, echoPort),
      measure: ({ process, port }) => measure(name, process, port, via, connections),
    });
  const variants = [
    variant({
      name: 'sluice, all planes on',
      start: (folder) => startGateway(folder),
      measure: ({ process, ports }) => measure('sluice, all planes on', process, ports.mixed, 'socks5'),
    }),
    peer('haproxy, plain TCP', startHaproxyTcp, 'plain'),
    peer('dante', startDante, 'socks5', DANTE_CONNECTIONS),
  ];
  await measureVariants(section, variants, options);
  compare(section, BASE, 'sluice, all planes on', undefined, { most: 120 });
  compare(section, EACH, 'sluice, all planes on', undefined, { most: 13 });
  addNote(
    section,
    'a process that is measured in memory it shares with its parent counts that memory too (dante)',
  );
  return section;
}
