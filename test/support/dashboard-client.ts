import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

export type DashboardAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
};

// biome-ignore lint/suspicious/noExplicitAny: dashboards read answers without types, and so does what stands in for them.
export type Json = any;

/** Where a dashboard lives, the controller it talks to, and the secret it was given. */
export type DashboardOptions = { readonly page: string; readonly base: URL; readonly secret: string };

/** A web page's way to the control API: preflights as a browser sends them, the page's origin on everything, JSON out. */
export class DashboardClient {
  readonly #options: DashboardOptions;

  constructor(options: DashboardOptions) {
    this.#options = options;
  }

  /** Sends a request as the page would; fails unless the browser would let the page read the answer. */
  async send(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<DashboardAnswer> {
    const { page, secret } = this.#options;
    await this.askFirst(method, path, body === undefined ? [] : ['content-type']);
    const answer = await this.#exchange(
      method,
      path,
      {
        origin: page,
        authorization: `Bearer ${secret}`,
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      body === undefined ? undefined : JSON.stringify(body),
    );
    this.#assertReadable(answer.headers);
    return answer;
  }

  /** What a page gets as JSON; anything but 200 fails. */
  async get(path: string): Promise<Json> {
    const { status, text } = await this.send('GET', path);
    assert.equal(status, 200, `GET ${path}: ${text}`);
    return JSON.parse(text);
  }

  /** An action without a result; anything but 204 without a body fails. */
  async act(method: string, path: string, body?: unknown, contentType?: string): Promise<void> {
    const { status, text } = await this.send(method, path, body, contentType);
    assert.deepEqual([status, text], [204, ''], `${method} ${path} ${JSON.stringify(body)}`);
  }

  /** Follows a stream over WebSocket; the token stands in the query because pages cannot set headers there. */
  async follow(path: string, alwaysToken: boolean): Promise<Follower> {
    const { base, secret } = this.#options;
    const token = secret === '' && !alwaysToken ? '' : `token=${encodeURIComponent(secret)}`;
    const url = `ws://${base.host}${path}${path.includes('?') ? '&' : '?'}${token}`;
    const socket = new WebSocket(url);
    const received: string[] = [];
    const waiting: ((text: string) => void)[] = [];
    socket.addEventListener('message', ({ data }) => {
      const take = waiting.shift();
      if (take === undefined) received.push(String(data));
      else take(String(data));
    });
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve());
      socket.addEventListener('error', () => reject(new Error(`no WebSocket at ${path}`)));
    });
    return {
      next: async () => {
        const text = received.shift() ?? (await new Promise<string>((resolve) => waiting.push(resolve)));
        return JSON.parse(text);
      },
      close: () => socket.close(),
    };
  }

  /** Asks, as a browser does before a request, whether the page may send it with these headers and its secret. */
  async askFirst(method: string, path: string, contentHeaders: readonly string[] = []): Promise<void> {
    const names = ['authorization', ...contentHeaders];
    const { status, headers } = await this.#exchange('OPTIONS', path, {
      origin: this.#options.page,
      'access-control-request-method': method,
      'access-control-request-headers': names.join(','),
      'access-control-request-private-network': 'true',
    });
    const allowed = String(headers['access-control-allow-headers']).toLowerCase();
    assert.ok(status >= 200 && status < 300, `preflight of ${method} ${path}: ${status}`);
    this.#assertReadable(headers);
    assert.ok(String(headers['access-control-allow-methods']).includes(method), `${method} is not allowed`);
    for (const name of names) assert.ok(allowed.includes(name), `${name} is not allowed`);
    assert.equal(headers['access-control-allow-private-network'], 'true');
  }

  #assertReadable(headers: IncomingHttpHeaders): void {
    const origin = headers['access-control-allow-origin'];
    assert.ok(origin === '*' || origin === this.#options.page, `the page may not read this: ${origin}`);
  }

  #exchange(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<DashboardAnswer> {
    const { base } = this.#options;
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          host: base.hostname,
          port: base.port,
          method,
          path,
          headers: { ...headers, ...length },
          agent: false,
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk) => {
            text += chunk;
          });
          response.on('error', reject);
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          );
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }
}

/** An open stream of a page. */
export type Follower = { next(): Promise<Json>; close(): void };
