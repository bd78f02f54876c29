import { fileURLToPath } from 'node:url';
import { createDashboardDialect } from '@sluice/api/native/dashboard-dialect';
import { createNativeDialect } from '@sluice/api/native/dialect';
import { createNativeApi } from '@sluice/api/native/native-api';
import { createFakeGateway, type FakeGateway } from '@sluice/api/native/test-support/fake-gateway';
import { createHttpListener } from '@sluice/core/http/http-listener';

const DASHBOARD = fileURLToPath(new URL('../../packages/dashboard/dist', import.meta.url));

/** The dashboard and the native API over believable contents, without any plane. */
export type DashboardFixture = {
  readonly gateway: FakeGateway;
  readonly port: number;
  /** Address of the dashboard. */
  readonly url: string;
  close(): Promise<void>;
};

export async function openDashboardFixture(
  options: { secret?: string; port?: number } = {},
): Promise<DashboardFixture> {
  const gateway = createFakeGateway();
  const api = createNativeApi(gateway);
  const listener = createHttpListener({
    name: 'control',
    host: '127.0.0.1',
    port: options.port ?? 0,
    log: gateway.logs.logger,
    dialects: [
      createNativeDialect({ api, version: gateway.version, secret: options.secret ?? '' }),
      createDashboardDialect({ directory: DASHBOARD }),
    ],
  });
  await listener.start();
  return {
    gateway,
    port: listener.address.port,
    url: `http://127.0.0.1:${listener.address.port}/ui/`,
    async close() {
      api.close();
      await listener.stop(AbortSignal.timeout(2000));
    },
  };
}
