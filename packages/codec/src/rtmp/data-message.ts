import { ByteReader } from '@sluice/base/bytes';
import { ProtocolError } from '@sluice/base/errors';
import { Amf0Parser, parseAmf0 } from '../amf/amf0.ts';
import { type AmfObject, type AmfValue, amfProperties } from '../amf/value.ts';
import { type FlvTag, TAG_AUDIO, TAG_SCRIPT, TAG_VIDEO } from '../flv/tag.ts';
import { parseAggregate } from './aggregate.ts';
import {
  MESSAGE_AGGREGATE,
  MESSAGE_AUDIO,
  MESSAGE_COMMAND_AMF3,
  MESSAGE_DATA_AMF0,
  MESSAGE_DATA_AMF3,
  MESSAGE_VIDEO,
  type RtmpMessage,
} from './message.ts';

/** Commands carry names and a few options; only media and metadata may be large. */
const MAX_COMMAND_BYTES = 64 * 1024;

/** What a media stream carries, on both sides of a connection. */
export type RtmpMediaEvent =
  /** One audio or video tag, never empty. */
  | { readonly type: 'media'; readonly tag: FlvTag }
  /** onMetaData; `tag` holds it without `@setDataFrame`, ready for viewers. */
  | { readonly type: 'metadata'; readonly tag: FlvTag; readonly properties: AmfObject }
  /** Any other data message, for example `onCuePoint`. */
  | {
      readonly type: 'data';
      readonly tag: FlvTag;
      readonly name: string;
      readonly values: readonly AmfValue[];
    };

/** The media events of one message, none when it is not about media. @throws ProtocolError */
export function mediaEventsOf(message: RtmpMessage): RtmpMediaEvent[] {
  const { type, timestampMs, data } = message;
  if (type === MESSAGE_AUDIO || type === MESSAGE_VIDEO) return mediaEvent({ type, timestampMs, data });
  if (type === MESSAGE_DATA_AMF0) return dataEvent(data, timestampMs);
  if (type === MESSAGE_DATA_AMF3) return dataEvent(data.subarray(1), timestampMs);
  if (type !== MESSAGE_AGGREGATE) return [];
  const events: RtmpMediaEvent[] = [];
  for (const tag of parseAggregate(data, timestampMs)) {
    if (tag.type === TAG_SCRIPT) events.push(...dataEvent(tag.data, tag.timestampMs));
    else if (tag.type === TAG_AUDIO || tag.type === TAG_VIDEO) events.push(...mediaEvent(tag));
  }
  return events;
}

/** The values of a command message: name, transaction, command object, arguments. @throws ProtocolError */
export function commandValuesOf(message: RtmpMessage): AmfValue[] {
  if (message.data.byteLength > MAX_COMMAND_BYTES) throw new ProtocolError('rtmp-command-too-large', 0);
  return parseAmf0(message.type === MESSAGE_COMMAND_AMF3 ? message.data.subarray(1) : message.data);
}

function mediaEvent(tag: FlvTag): RtmpMediaEvent[] {
  return tag.data.byteLength === 0 ? [] : [{ type: 'media', tag }];
}

function dataEvent(body: Uint8Array, timestampMs: number): RtmpMediaEvent[] {
  if (body.byteLength === 0) return [];
  const reader = new ByteReader(body);
  const first = new Amf0Parser(reader).parse();
  const data = first === '@setDataFrame' ? body.subarray(reader.offset) : body;
  const tag: FlvTag = { type: TAG_SCRIPT, timestampMs, data };
  const [name, ...values] = parseAmf0(data);
  if (typeof name !== 'string') return [];
  const properties = name === 'onMetaData' ? amfProperties(values[0]) : undefined;
  return [
    properties === undefined ? { type: 'data', tag, name, values } : { type: 'metadata', tag, properties },
  ];
}
