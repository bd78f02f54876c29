import type { Endpoint } from '@sluice/base/address';

/** Certificates of a listener that speaks TLS; texts are PEM or paths. */
export type ListenerTls = {
  readonly certificate: string;
  readonly privateKey: string;
  readonly clientAuth: ClientAuth;
  /** Certificates that sign those of clients, `''` for none. */
  readonly clientCertificates: string;
};

/** Whether clients show certificates, and whether those are verified. */
export type ClientAuth = '' | 'request' | 'require-any' | 'verify-if-given' | 'require-and-verify';

export type InboundUser = { readonly username: string; readonly password: string };

export type ListenerKind = 'http' | 'socks' | 'mixed' | 'tunnel' | 'redir' | 'tproxy';

/** One entry of `listeners`, checked. */
export type ListenerConfig = {
  readonly name: string;
  readonly kind: ListenerKind;
  /** IP literal, `''` for all interfaces of both families. */
  readonly host: string;
  readonly ports: readonly number[];
  readonly tcp: boolean;
  readonly udp: boolean;
  /** Sub-rules instead of `rules`, `''` for none. */
  readonly rule: string;
  /** Outbound for everything, `''` for none. */
  readonly proxy: string;
  readonly routingMark: number;
  /** `undefined`: the global users and source filters apply; empty: nobody is asked. */
  readonly users: readonly InboundUser[] | undefined;
  readonly tls: ListenerTls | undefined;
  /** Of tunnels. */
  readonly target: Endpoint | undefined;
};

/** One entry of `tunnels`, checked. */
export type TunnelConfig = {
  readonly tcp: boolean;
  readonly udp: boolean;
  readonly address: Endpoint;
  readonly target: Endpoint;
  /** Outbound for everything, `''` for none. */
  readonly proxy: string;
};
