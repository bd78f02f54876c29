import { generateKeyPairSync } from 'node:crypto';
import {
  createCaCertificate,
  createLeafCertificate,
  publicKeyDer,
  readIssuerNames,
} from '@sluice/inspect/tls/certificate';
import { toPem } from '@sluice/inspect/tls/der';
import { type RunningLoad, startLoad } from './load-process.ts';
import { freePorts } from './workspace.ts';

/** A running HTTP and HTTPS origin; its certificate names `host`. */
export type Origin = {
  readonly load: RunningLoad;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly host: string;
};

const HOST = 'bench.test';

/** Starts the origin on the load's core; nothing trusts its certificate, so proxies must not verify it. */
export async function startOrigin(bodyBytes: number): Promise<Origin> {
  const [httpPort = 0, httpsPort = 0] = await freePorts(2);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { ...readIssuerNames(createCaCertificate(privateKey, Date.now())), key: privateKey };
  const certificate = toPem(
    createLeafCertificate(issuer, publicKeyDer(privateKey), [HOST, '127.0.0.1'], Date.now()),
  );
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const load = startLoad('origin', { httpPort, httpsPort, key, certificate, bodyBytes });
  try {
    await load.event('ready');
  } catch (error) {
    await load.process.stop();
    throw error;
  }
  return { load, httpPort, httpsPort, host: HOST };
}
