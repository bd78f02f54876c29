/** RTMP message types (Adobe RTMP 1.0 §5.4, §7.1). */
export const MESSAGE_SET_CHUNK_SIZE = 1;
export const MESSAGE_ABORT = 2;
export const MESSAGE_ACKNOWLEDGEMENT = 3;
export const MESSAGE_USER_CONTROL = 4;
export const MESSAGE_WINDOW_ACK_SIZE = 5;
export const MESSAGE_SET_PEER_BANDWIDTH = 6;
export const MESSAGE_AUDIO = 8;
export const MESSAGE_VIDEO = 9;
export const MESSAGE_DATA_AMF3 = 15;
export const MESSAGE_COMMAND_AMF3 = 17;
export const MESSAGE_DATA_AMF0 = 18;
export const MESSAGE_COMMAND_AMF0 = 20;
export const MESSAGE_AGGREGATE = 22;

/** User control events (§7.1.7). */
export const USER_STREAM_BEGIN = 0;
export const USER_STREAM_EOF = 1;
export const USER_SET_BUFFER_LENGTH = 3;
export const USER_PING_REQUEST = 6;
export const USER_PING_RESPONSE = 7;

/** Chunk stream ids used on output, one per kind of message so that their chunks never mix. */
export const CSID_CONTROL = 2;
export const CSID_COMMAND = 3;
export const CSID_DATA = 4;
export const CSID_AUDIO = 6;
export const CSID_VIDEO = 7;

/** One complete message; `timestampMs` is the absolute 32-bit time of the wire. */
export type RtmpMessage = {
  readonly type: number;
  readonly timestampMs: number;
  readonly streamId: number;
  readonly data: Uint8Array;
};

/** The chunk stream on which messages of a type are sent. */
export function chunkStreamOf(type: number): number {
  if (type === MESSAGE_VIDEO) return CSID_VIDEO;
  if (type === MESSAGE_AUDIO) return CSID_AUDIO;
  if (type === MESSAGE_COMMAND_AMF0) return CSID_COMMAND;
  return type <= MESSAGE_SET_PEER_BANDWIDTH ? CSID_CONTROL : CSID_DATA;
}

/** The body of a message whose whole content is one 32-bit number (types 1, 2, 3, 5). */
export function encodeControlValue(value: number): Buffer {
  const data = Buffer.allocUnsafe(4);
  data.writeUInt32BE(value >>> 0);
  return data;
}

/** The body of SetPeerBandwidth: window 32, limit type 8 (2 = dynamic). */
export function encodePeerBandwidth(windowBytes: number): Buffer {
  const data = Buffer.alloc(5, 2);
  data.writeUInt32BE(windowBytes >>> 0);
  return data;
}

/** The body of a user control message: event 16, then 32-bit numbers. */
export function encodeUserControl(event: number, ...values: readonly number[]): Buffer {
  const data = Buffer.allocUnsafe(2 + 4 * values.length);
  data.writeUInt16BE(event);
  for (const [index, value] of values.entries()) data.writeUInt32BE(value >>> 0, 2 + 4 * index);
  return data;
}
