import type { ClosedStreams, Stream } from '@sluice/api/native/types';
import { call } from '../../api/client.ts';
import type { Translate } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { confirm } from '../../ui/confirm.tsx';
import { nameOf } from './stream-text.ts';

/** Asks, then ends the stream; also when somebody watches. */
export async function closeStream(stream: Stream, t: Translate): Promise<void> {
  const text = t('streams.closeText', { name: nameOf(stream), viewers: stream.viewers });
  if (!(await confirm(t('streams.close'), text, t('streams.close')))) return;
  const { vhost, app, stream: name } = stream;
  await act(
    () => call<ClosedStreams>('DELETE', '/streams', { query: { vhost, app, stream: name, force: true } }),
    t('streams.closed'),
  );
}
