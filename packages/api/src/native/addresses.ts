import { formatEndpoint } from '@sluice/base/address';
import type { Address, Listener } from './types.ts';

const WILDCARDS = new Set(['', '0.0.0.0', '::', '*']);

type Shape = {
  readonly use: Address['use'];
  readonly protocol: string;
  readonly scheme: string;
  readonly path: string;
};

const STREAM = 'live/{stream}';

/** What a listener of each plane offers, recognised by the words in its name. */
const SHAPES: readonly {
  readonly plane: Listener['plane'];
  readonly word: string;
  readonly shapes: readonly Shape[];
}[] = [
  {
    plane: 'control',
    word: '',
    shapes: [
      { use: 'dashboard', protocol: 'http', scheme: 'http', path: '/ui/' },
      { use: 'api', protocol: 'http', scheme: 'http', path: '/api/v1' },
    ],
  },
  {
    plane: 'route',
    word: 'mixed',
    shapes: [
      { use: 'proxy', protocol: 'http', scheme: 'http', path: '' },
      { use: 'proxy', protocol: 'socks5', scheme: 'socks5', path: '' },
    ],
  },
  {
    plane: 'route',
    word: 'socks',
    shapes: [{ use: 'proxy', protocol: 'socks5', scheme: 'socks5', path: '' }],
  },
  { plane: 'route', word: 'http', shapes: [{ use: 'proxy', protocol: 'http', scheme: 'http', path: '' }] },
  {
    plane: 'inspect',
    word: 'admin',
    shapes: [{ use: 'api', protocol: 'http', scheme: 'http', path: '/admin' }],
  },
  { plane: 'inspect', word: '', shapes: [{ use: 'capture', protocol: 'http', scheme: 'http', path: '' }] },
  {
    plane: 'media',
    word: 'rtmp',
    shapes: [
      { use: 'publish', protocol: 'rtmp', scheme: 'rtmp', path: `/${STREAM}` },
      { use: 'play', protocol: 'rtmp', scheme: 'rtmp', path: `/${STREAM}` },
    ],
  },
  {
    plane: 'media',
    word: 'http',
    shapes: [
      { use: 'play', protocol: 'http-flv', scheme: 'http', path: `/${STREAM}.live.flv` },
      { use: 'play', protocol: 'ws-flv', scheme: 'ws', path: `/${STREAM}.live.flv` },
      { use: 'play', protocol: 'hls', scheme: 'http', path: `/${STREAM}/hls.m3u8` },
    ],
  },
];

/** Addresses a client can use, made from what is listened on; wildcard hosts become `hostname`. */
export function addressesOf(listeners: readonly Listener[], hostname: string): Address[] {
  return listeners.flatMap((listener) => {
    const name = listener.name.toLowerCase();
    const found = SHAPES.find((entry) => entry.plane === listener.plane && name.includes(entry.word));
    const authority = formatEndpoint(WILDCARDS.has(listener.host) ? hostname : listener.host, listener.port);
    return (found?.shapes ?? []).map(({ use, protocol, scheme, path }) => ({
      use,
      protocol,
      url: `${scheme}://${authority}${path}`,
    }));
  });
}

/** The play addresses of one stream: the templates with its own name in. */
export function playAddressesOf(addresses: readonly Address[], app: string, stream: string): Address[] {
  const name = `${encodeURIComponent(app)}/${encodePath(stream)}`;
  return addresses
    .filter((address) => address.use === 'play')
    .map((address) => ({ ...address, url: address.url.replace(STREAM, () => name) }));
}

/** Path of a stream's HTTP-FLV below any HTTP listener that serves live URLs. */
export function flvPathOf(app: string, stream: string): string {
  return `/${encodeURIComponent(app)}/${encodePath(stream)}.live.flv`;
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
