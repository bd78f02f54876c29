import { formatEndpoint } from '@sluice/base/address';
import type { InspectPlane } from '@sluice/inspect/plane';
import type { MediaPlane } from '@sluice/media/plane';
import type { RoutePlane } from '@sluice/route/plane';
import type { GatewaySettings } from '../settings/schema.ts';
import type { StartLine } from '../start-screen.ts';
import { VERSION } from '../version.ts';

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
    lines.push({ label: 'Proxy', value: endpoint(listener), note: proxyNote(listener.name) });
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

function proxyNote(name: string): string {
  if (name.includes('SOCKS')) return 'SOCKS4, SOCKS5';
  return name.includes('HTTP') ? 'HTTP' : 'HTTP, SOCKS4, SOCKS5';
}
