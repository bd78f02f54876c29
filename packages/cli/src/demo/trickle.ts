import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';

const PERIOD_MS = 700;
const PATHS = ['/', '/api/products', '/logo.svg', '/api/products', '/no-such-page'];

export type TrickleOptions = {
  readonly hostname: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** `http://host:port` of the route plane's inbound. */
  readonly proxyUrl: string;
  /** PEM of the authority that intercepted connections show. */
  readonly ca: Buffer;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Sends a request through the proxy every now and then, in turn over HTTP and HTTPS; returns the way to stop. */
export function startTrickle(options: TrickleOptions): () => void {
  const proxyEnv = { HTTP_PROXY: options.proxyUrl, HTTPS_PROXY: options.proxyUrl };
  const httpAgent = new HttpAgent({ keepAlive: true, proxyEnv });
  const httpsAgent = new HttpsAgent({ keepAlive: true, proxyEnv, ca: options.ca });
  let count = 0;
  const timer = options.clock.every(PERIOD_MS, () => {
    count += 1;
    const isOrder = count % 6 === 0;
    const path = isOrder ? '/api/orders' : (PATHS[count % PATHS.length] ?? '/');
    const secure = count % 2 === 0;
    const common = {
      hostname: options.hostname,
      path,
      method: isOrder ? 'POST' : 'GET',
      headers: { 'user-agent': 'sluice-demo' },
    };
    const request = secure
      ? httpsRequest({ ...common, port: options.httpsPort, agent: httpsAgent })
      : httpRequest({ ...common, port: options.httpPort, agent: httpAgent });
    request.on('response', (response) => response.resume());
    request.on('error', (error) => options.log.debug(`demo request failed: ${errorText(error)}`));
    request.end(isOrder ? JSON.stringify({ product: (count % 3) + 1, quantity: 2 }) : undefined);
  });
  return () => {
    timer.cancel();
    httpAgent.destroy();
    httpsAgent.destroy();
  };
}
