import type { Duplex } from 'node:stream';
import type { Clock } from '@sluice/base/clock';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { Sniffed, Sniffer } from '../sniff/sniffer.ts';

const WAIT_LIMIT_MS = 1_000;
const PEEK_LIMIT_BYTES = 65_536;

/** What looking at the first bytes came to: `silent` when the client sent nothing in time. */
export type PeekOutcome = 'found' | 'nothing' | 'silent';

/**
 * Waits for the first bytes of a paused client stream and lets the sniffer read them; they stay in the stream. What is found
 * is written into the flow.
 */
export async function sniffFirstBytes(
  client: Duplex,
  flow: FlowMetadata,
  sniffer: Sniffer,
  clock: Clock,
): Promise<PeekOutcome> {
  let bytes = await peek(client, 1, clock);
  if (bytes === undefined) {
    sniffer.timedOut(flow);
    return 'silent';
  }
  for (;;) {
    const verdict = sniffer.readStream(flow, bytes);
    if (verdict.kind === 'found') {
      applySniffed(flow, verdict.sniffed);
      return 'found';
    }
    if (verdict.kind === 'none' || verdict.totalBytes > PEEK_LIMIT_BYTES) return 'nothing';
    const more: Buffer | undefined = await peek(client, verdict.totalBytes, clock);
    if (more === undefined || more.length < verdict.totalBytes) return 'nothing';
    bytes = more;
  }
}

/** The name becomes what rules see, and the destination too where the sniffer says so. */
export function applySniffed(flow: FlowMetadata, { host, override }: Sniffed): void {
  flow.sniffHost = host;
  if (!override) return;
  flow.host = host;
  flow.dnsMode = 'normal';
}

/** What is at the head of the stream once it has `wantedBytes`, ended, or a second has passed; `undefined` when that is nothing. */
function peek(client: Duplex, wantedBytes: number, clock: Clock): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const finish = () => {
      timer.cancel();
      client.off('readable', onReadable).off('end', finish).off('close', finish);
      const bytes = client.read() as Buffer | null;
      if (bytes !== null) client.unshift(bytes);
      // Listening for `readable` made the stream flow by reads; whoever takes over expects it paused.
      client.pause();
      resolve(bytes ?? undefined);
    };
    const onReadable = () => {
      if (client.readableLength >= wantedBytes || client.readableEnded) finish();
      else client.read(0);
    };
    const timer = clock.after(WAIT_LIMIT_MS, finish);
    client.on('readable', onReadable).on('end', finish).on('close', finish);
    if (client.readableLength >= wantedBytes || client.destroyed) finish();
  });
}
