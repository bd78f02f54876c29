import { ByteReader } from '@sluice/base/bytes';
import { encodeAmf0 } from '../amf/amf0.ts';
import type { AmfValue } from '../amf/value.ts';
import { ChunkDecoder } from './chunk-decoder.ts';
import { DEFAULT_CHUNK_BYTES, encodeRtmpMessage, OUTPUT_CHUNK_BYTES } from './chunk-encoder.ts';
import {
  encodeControlValue,
  encodeUserControl,
  MESSAGE_ACKNOWLEDGEMENT,
  MESSAGE_COMMAND_AMF0,
  MESSAGE_DATA_AMF0,
  MESSAGE_SET_CHUNK_SIZE,
  MESSAGE_USER_CONTROL,
  MESSAGE_WINDOW_ACK_SIZE,
  type RtmpMessage,
  USER_PING_REQUEST,
  USER_PING_RESPONSE,
} from './message.ts';

/** The window we announce in both directions. */
export const WINDOW_BYTES = 5_000_000;
/** A peer's window is clamped to this range; without one we acknowledge at its upper end. */
const MIN_WINDOW_BYTES = 32 * 1024;
const MAX_WINDOW_BYTES = 1280 * 1024;

/** The level, code and text of an onStatus. */
export type RtmpStatus = {
  readonly level: 'status' | 'error';
  readonly code: string;
  readonly description: string;
};

/** What both ends of a connection do after the handshake: chunks, acknowledgements, pings, and queued output. */
export class RtmpConnection {
  readonly #decoder = new ChunkDecoder();
  #output: Buffer[] = [];
  #outputChunkSize = DEFAULT_CHUNK_BYTES;
  #peerWindowBytes = MAX_WINDOW_BYTES;
  #received = 0;
  #acknowledged = 0;

  /** Counts bytes off the socket, handshake included, and acknowledges when the peer's window is full. */
  count(receivedBytes: number): void {
    this.#received += receivedBytes;
    if (this.#received - this.#acknowledged < this.#peerWindowBytes) return;
    this.#acknowledged = this.#received;
    this.sendControl(MESSAGE_ACKNOWLEDGEMENT, encodeControlValue(this.#received % 2 ** 32));
  }

  push(bytes: Uint8Array): void {
    this.#decoder.push(bytes);
  }

  /** The next message that is not settled here (window sizes and pings are). @throws ProtocolError */
  next(): RtmpMessage | undefined {
    for (;;) {
      const message = this.#decoder.next();
      if (message === undefined) return undefined;
      if (message.type === MESSAGE_WINDOW_ACK_SIZE) {
        const windowBytes = new ByteReader(message.data).u32();
        this.#peerWindowBytes = Math.min(Math.max(windowBytes, MIN_WINDOW_BYTES), MAX_WINDOW_BYTES);
      } else if (!this.#answeredPing(message)) return message;
    }
  }

  #answeredPing(message: RtmpMessage): boolean {
    if (message.type !== MESSAGE_USER_CONTROL) return false;
    const reader = new ByteReader(message.data);
    if (reader.u16() !== USER_PING_REQUEST) return false;
    this.sendControl(MESSAGE_USER_CONTROL, encodeUserControl(USER_PING_RESPONSE, reader.u32()));
    return true;
  }

  /** Announces our chunk size, from the next message on. */
  sendChunkSize(): void {
    this.sendControl(MESSAGE_SET_CHUNK_SIZE, encodeControlValue(OUTPUT_CHUNK_BYTES));
    this.#outputChunkSize = OUTPUT_CHUNK_BYTES;
  }

  sendControl(type: number, data: Uint8Array): void {
    this.#send({ type, timestampMs: 0, streamId: 0, data });
  }

  sendCommand(streamId: number, ...values: readonly AmfValue[]): void {
    this.#send({ type: MESSAGE_COMMAND_AMF0, timestampMs: 0, streamId, data: encodeAmf0(...values) });
  }

  sendData(streamId: number, ...values: readonly AmfValue[]): void {
    this.#send({ type: MESSAGE_DATA_AMF0, timestampMs: 0, streamId, data: encodeAmf0(...values) });
  }

  sendStatus(streamId: number, status: RtmpStatus): void {
    this.sendCommand(streamId, 'onStatus', 0, null, { ...status, clientid: 'sluice' });
  }

  #send(message: RtmpMessage): void {
    this.#output.push(encodeRtmpMessage(message, this.#outputChunkSize));
  }

  /** Queues bytes that are already on the wire's form. */
  sendBytes(bytes: Buffer): void {
    this.#output.push(bytes);
  }

  /** Everything queued since the last call, or `undefined`. */
  takeOutput(): Buffer | undefined {
    const output = this.#output;
    if (output.length === 0) return undefined;
    this.#output = [];
    return output.length === 1 ? output[0] : Buffer.concat(output);
  }
}
