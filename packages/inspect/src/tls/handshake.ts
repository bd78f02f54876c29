import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

/**
 * Waits until the handshake of `socket`, which runs over `transport`, is done. When it fails, is aborted or the peer
 * leaves, both are destroyed and the reason is thrown.
 */
export async function completeHandshake(
  socket: TLSSocket,
  transport: Duplex,
  doneEvent: 'secure' | 'secureConnect',
  signal: AbortSignal,
): Promise<void> {
  // An error of the transport must reach the session above it, also after the handshake.
  transport.on('error', (error: Error) => socket.destroy(error));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onClose = (): void => reject(new Error('the connection was closed during the TLS handshake'));
  const onAbort = (): void => reject(new Error('the TLS handshake took too long or was abandoned'));
  socket.once(doneEvent, resolve).once('error', reject).once('close', onClose);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await promise;
  } catch (error) {
    socket.on('error', () => transport.destroy());
    socket.destroy();
    transport.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.off(doneEvent, resolve).off('error', reject).off('close', onClose);
  }
}
