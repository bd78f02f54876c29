import { ByteReader } from '@sluice/base/bytes';
import { formatIp } from '@sluice/base/ip';

/*
 * parameters = key(2) | length(2) | value, in rising order of keys         (RFC 9460 §2.2, §7)
 */
const KEY_NAMES = [
  'mandatory',
  'alpn',
  'no-default-alpn',
  'port',
  'ipv4hint',
  'ech',
  'ipv6hint',
  'dohpath',
  'ohttp',
];

/** The service parameters of an SVCB or HTTPS record, `key="value"` each, up to the end of the data. @throws ProtocolError `truncated` */
export function presentServiceParameters(reader: ByteReader): string {
  const parameters: string[] = [];
  while (reader.remaining > 0) {
    const key = reader.u16();
    const value = presentValue(key, reader.view(reader.u16()));
    parameters.push(value === '' ? keyName(key) : `${keyName(key)}="${value}"`);
  }
  return parameters.join(' ');
}

function keyName(key: number): string {
  return KEY_NAMES[key] ?? `key${key}`;
}

function presentValue(key: number, value: Uint8Array): string {
  const reader = new ByteReader(value);
  const list = (next: () => string): string => {
    const items: string[] = [];
    while (reader.remaining > 0) items.push(next());
    return items.join(',');
  };
  switch (keyName(key)) {
    case 'mandatory':
      return list(() => keyName(reader.u16()));
    case 'alpn':
      // Commas and backslashes inside a protocol name are escaped twice (RFC 9460 Appendix A.1).
      return list(() => escapeBytes(reader.view(reader.u8())).replace(/,|\\\\/g, '\\\\$&'));
    case 'port':
      return list(() => String(reader.u16()));
    case 'ipv4hint':
      return list(() => formatIp({ family: 4, value: reader.u32() }));
    case 'ipv6hint':
      return list(() =>
        formatIp({ family: 6, words: [reader.u32(), reader.u32(), reader.u32(), reader.u32()] }),
      );
    case 'ech':
      return Buffer.from(value).toString('base64');
    default:
      return escapeBytes(value);
  }
}

/** Quotes, backslashes and unprintable bytes escaped as inside a quoted character string (RFC 1035 §5.1). */
export function escapeBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    if (byte === 34 || byte === 92) text += `\\${String.fromCharCode(byte)}`;
    else if (byte < 32 || byte > 126) text += `\\${String(byte).padStart(3, '0')}`;
    else text += String.fromCharCode(byte);
  }
  return text;
}
