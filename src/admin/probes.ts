import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the probes ask. */
export interface ProbeSource {
  /** False from the start of a graceful stop on, and before all listeners are open (CONTRACT §6). */
  ready(): boolean;
  metrics(): { contentType: string; text(): Promise<string> };
}

/** The pages of the admin listener that need no token (CONTRACT §2), by path. */
export function probeRoutes(
  source: ProbeSource,
): ReadonlyMap<string, (request: IncomingMessage, response: ServerResponse) => void> {
  return new Map([
    ['/healthz', (_request, response) => answer(response, 200, 'text/plain; charset=utf-8', 'ok\n')],
    [
      '/readyz',
      (_request, response) => {
        if (source.ready()) answer(response, 200, 'text/plain; charset=utf-8', 'ready\n');
        else answer(response, 503, 'text/plain; charset=utf-8', 'not ready\n');
      },
    ],
    [
      '/metrics',
      (_request, response) => {
        const { contentType, text } = source.metrics();
        text().then(
          (body) => answer(response, 200, contentType, body),
          () => answer(response, 500, 'text/plain; charset=utf-8', 'metrics could not be collected\n'),
        );
      },
    ],
  ]);
}

function answer(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
  response.end(body);
}
