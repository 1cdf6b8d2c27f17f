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
    ['/', readOnly((response) => answer(response, 200, TEXT, INDEX))],
    ['/healthz', readOnly((response) => answer(response, 200, TEXT, 'ok\n'))],
    [
      '/readyz',
      readOnly((response) => {
        if (source.ready()) answer(response, 200, TEXT, 'ready\n');
        else answer(response, 503, TEXT, 'not ready\n');
      }),
    ],
    [
      '/metrics',
      readOnly((response) => {
        const { contentType, text } = source.metrics();
        text().then(
          (body) => answer(response, 200, contentType, body),
          () => answer(response, 500, TEXT, 'metrics could not be collected\n'),
        );
      }),
    ],
  ]);
}

/** Who opens the address of the start line in a browser is told where to go on. */
const INDEX = 'Waggle\n\n/metrics  for Prometheus\n/healthz  the process lives\n/readyz   it takes connections\n';

const TEXT = 'text/plain; charset=utf-8';

/** A page that is only read: GET and HEAD (RFC 9110 §15.5.6 for the rest). */
function readOnly(page: (response: ServerResponse) => void) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.method === 'GET' || request.method === 'HEAD') {
      page(response);
      return;
    }
    response.setHeader('allow', 'GET, HEAD');
    answer(response, 405, TEXT, 'this page is only read: GET or HEAD\n');
  };
}

function answer(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
  response.end(body);
}
