import type { Address, Ca, CaFormat } from '@sluice/api/native/types';
import type { ReactNode } from 'react';
import { downloadFile } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Button } from '../../ui/button.tsx';
import { CopyLine } from '../../ui/copy.tsx';
import { Panel } from '../../ui/panel.tsx';

type Addresses = { readonly addresses: readonly Address[] };

const CA_FILES: readonly { readonly format: CaFormat; readonly file: string }[] = [
  { format: 'pem', file: 'sluice-ca.pem' },
  { format: 'der', file: 'sluice-ca.cer' },
  { format: 'p12', file: 'sluice-ca.p12' },
];

export function RouteStart({ addresses }: Addresses) {
  const { t } = useText();
  const proxies = addresses.filter((address) => address.use === 'proxy');
  return (
    <Start title={t('start.route')} text={t('start.routeText')}>
      {proxies.map((address) => (
        <Line key={address.url} name={address.protocol} text={address.url} />
      ))}
      {proxies[0] !== undefined && (
        <Line name={t('start.try')} text={`curl -x ${proxies[0].url} http://example.com/`} />
      )}
    </Start>
  );
}

export function CaptureStart({ addresses, ca }: Addresses & { readonly ca: Ca }) {
  const { t, format } = useText();
  const capture = addresses.find((address) => address.use === 'capture');
  return (
    <Start title={t('start.capture')} text={t('start.captureText')}>
      {capture !== undefined && (
        <>
          <Line name={t('start.captureProxy')} text={capture.url} />
          <Line
            name={t('start.try')}
            text={`curl --cacert ${ca.path} -x ${capture.url} https://example.com/`}
          />
        </>
      )}
      <Line name={t('start.fingerprint')} text={ca.sha256} />
      <div className="flex flex-wrap items-center gap-2 pt-1">
        <span className="mr-auto text-soft">{t('start.caUntil', { date: format.date(ca.notAfterMs) })}</span>
        {CA_FILES.map(({ format: form, file }) => (
          <Button
            key={form}
            icon="download"
            onClick={() => void act(() => downloadFile('/ca/file', { format: form }, file))}
          >
            {form.toUpperCase()}
          </Button>
        ))}
      </div>
    </Start>
  );
}

export function MediaStart({ addresses }: Addresses) {
  const { t } = useText();
  const named = (use: Address['use']) =>
    addresses
      .filter((address) => address.use === use)
      .map((address) => ({ ...address, url: address.url.replace('{stream}', 'test') }));
  const publish = named('publish');
  return (
    <Start title={t('start.media')} text={t('start.mediaText')}>
      {publish.map((address) => (
        <Line key={address.url} name={t('start.publish')} text={ffmpegCommandOf(address.url)} />
      ))}
      {named('play').map((address) => (
        <Line key={`${address.protocol} ${address.url}`} name={address.protocol} text={address.url} />
      ))}
    </Start>
  );
}

/** A command that publishes a generated picture and tone. */
export function ffmpegCommandOf(url: string): string {
  return (
    'ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=25 -f lavfi -i sine=frequency=440 ' +
    `-c:v libx264 -preset veryfast -tune zerolatency -g 50 -pix_fmt yuv420p -c:a aac -f flv ${url}`
  );
}

function Start(props: { readonly title: string; readonly text: string; readonly children: ReactNode }) {
  return (
    <Panel title={props.title}>
      <div className="flex flex-col gap-2 p-3.5">
        <p className="text-soft">{props.text}</p>
        {props.children}
      </div>
    </Panel>
  );
}

function Line({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <div className="grid min-w-0 grid-cols-[5.5rem_minmax(0,1fr)] items-center gap-2">
      <span className="truncate text-faint text-xs" title={name}>
        {name}
      </span>
      <CopyLine text={text} />
    </div>
  );
}
