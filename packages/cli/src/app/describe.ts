import { formatEndpoint } from '@sluice/base/address';
import type { InspectPlane } from '@sluice/inspect/plane';
import type { MediaPlane } from '@sluice/media/plane';
import type { RoutePlane } from '@sluice/route/plane';
import type { RouteListener } from '@sluice/route/port';
import type { GatewaySettings } from '../settings/schema.ts';
import type { StartLine } from '../start-screen.ts';
import { VERSION } from '../version.ts';

/** What route listeners are called that are no proxies. */
const LABELS: Partial<Record<RouteListener['kind'], string>> = { dns: 'DNS', tunnel: 'Tunnel' };

const NOTES: Readonly<Record<RouteListener['kind'], string>> = {
  http: 'HTTP',
  socks: 'SOCKS4, SOCKS5',
  mixed: 'HTTP, SOCKS4, SOCKS5',
  redir: 'connections that the packet filter redirects',
  tproxy: 'connections that the packet filter hands over (TPROXY)',
  tunnel: 'a fixed destination',
  dns: 'UDP and TCP',
};

type Listening = { readonly name: string; readonly host: string; readonly port: number };

/** What the start screen says: where everything can be reached and where things are kept. */
export function describeApp(
  planes: { readonly route: RoutePlane; readonly inspect: InspectPlane; readonly media: MediaPlane },
  settings: GatewaySettings,
  urls: { controlUrl(): string; mediaUrl(): string | undefined },
): { readonly title: string; readonly lines: readonly StartLine[] } {
  const { route, inspect, media } = planes;
  const lines: StartLine[] = [
    { label: 'Dashboard', value: `${urls.controlUrl()}/ui/`, note: 'API documentation at /docs' },
  ];
  for (const listener of route.control.listeners()) {
    lines.push({
      label: LABELS[listener.kind] ?? 'Proxy',
      value: endpoint(listener),
      note: NOTES[listener.kind],
    });
  }
  for (const listener of inspect.control.listeners()) {
    lines.push({ label: 'Capture', value: endpoint(listener), note: 'HTTP proxy that records what passes' });
  }
  const rtmp = media.control.listeners().find((listener) => listener.name === 'rtmp');
  if (rtmp !== undefined)
    lines.push({ label: 'Publish', value: `rtmp://${endpoint(rtmp)}/live/NAME`, note: 'OBS, ffmpeg' });
  const mediaUrl = urls.mediaUrl();
  if (mediaUrl !== undefined) {
    lines.push({
      label: 'Play',
      value: `${mediaUrl}/live/NAME.live.flv`,
      note: `HLS: ${mediaUrl}/live/NAME/hls.m3u8`,
    });
  }
  lines.push({ label: 'CA file', value: inspect.control.ca().path, note: 'trust it to look into HTTPS' });
  lines.push({ label: 'Data', value: settings['data-dir'] });
  return { title: `Sluice ${VERSION}`, lines };
}

function endpoint({ host, port }: Listening): string {
  return formatEndpoint(host, port);
}
