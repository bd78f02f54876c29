import type { HttpListenerView } from '@sluice/core/http/dialect';
import type { SocketInfo } from '@sluice/core/ports/media';
import type { MediaControl } from '@sluice/media/port';
import type { ParameterDoc } from '../openapi.ts';
import { CODE_FAILURE, list, success } from './envelope.ts';
import { sessionObject } from './objects.ts';
import { type Parameters, toInteger } from './parameters.ts';
import type { ZlmCall, ZlmRow } from './table.ts';

const HTTP_SESSION = 'mediakit::HttpSession';

type Session = { readonly socket: SocketInfo; readonly transport: 'tcp' | 'udp'; readonly typeId: string };

const FILTER: Readonly<Record<string, ParameterDoc>> = {
  local_port: { description: 'Only connections to this port', schema: { type: 'integer' } },
  peer_ip: { description: 'Only connections from this address' },
};

/** Accepted connections: the media plane's and those of the listener that carries the call. */
export function sessionRows(media: MediaControl, listener: HttpListenerView): readonly ZlmRow[] {
  const close = (id: string): boolean => media.kickSession(id) || listener.closeConnection(id);
  const kick = (id: string, call: ZlmCall): boolean => {
    if (!isOwnSession(id, call, media)) return close(id);
    // The caller still gets its reply.
    call.afterReply(() => close(id));
    return true;
  };
  return [
    {
      path: '/index/api/getAllSession',
      summary: 'Accepted connections',
      parameters: FILTER,
      answer: ({ parameters }) =>
        list(
          findSessions(media, listener, parameters).map((one) =>
            sessionObject(one.socket, one.transport, one.typeId),
          ),
        ),
    },
    {
      path: '/index/api/kick_session',
      summary: 'Close one connection',
      parameters: { id: { description: 'As listed by getAllSession' } },
      required: '"id"',
      answer: (call) =>
        kick(call.parameters.get('id'), call)
          ? success()
          : { code: CODE_FAILURE, msg: 'can not find the target' },
    },
    {
      path: '/index/api/kick_sessions',
      summary: 'Close every matching connection but the caller’s',
      parameters: FILTER,
      answer: (call) => {
        const others = findSessions(media, listener, call.parameters).filter(
          ({ socket }) => call.connection === undefined || !isSameSocket(socket, call.connection),
        );
        const kicked = others.filter(({ socket }) => kick(socket.id, call));
        return success({ count_hit: kicked.length });
      },
    },
  ];
}

function findSessions(
  media: MediaControl,
  listener: HttpListenerView,
  parameters: Parameters,
): readonly Session[] {
  const localPort = toInteger(parameters.get('local_port'), 65_535);
  const peerIp = parameters.get('peer_ip');
  const ofMedia = media.sessions({
    ...(localPort > 0 ? { localPort } : {}),
    ...(peerIp === '' ? {} : { peerIp }),
  });
  const ofListener = listener.connections().filter((connection) => {
    const matches =
      (localPort <= 0 || connection.localPort === localPort) &&
      (peerIp === '' || connection.peerIp === peerIp);
    // A viewer over HTTP is the media plane's session already.
    return matches && !ofMedia.some((session) => isSameSocket(session, connection));
  });
  return [
    ...ofMedia.map(
      (session): Session => ({ socket: session, transport: session.transport, typeId: session.typeId }),
    ),
    ...ofListener.map(
      (connection): Session => ({ socket: connection, transport: 'tcp', typeId: HTTP_SESSION }),
    ),
  ];
}

function isOwnSession(id: string, { connection }: ZlmCall, media: MediaControl): boolean {
  if (connection === undefined) return false;
  return (
    id === connection.id || media.sessions({}).some((one) => one.id === id && isSameSocket(one, connection))
  );
}

function isSameSocket(a: SocketInfo, b: SocketInfo): boolean {
  return a.localPort === b.localPort && a.peerPort === b.peerPort && a.peerIp === b.peerIp;
}
