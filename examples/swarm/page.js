// The web server of the scout's page. Prints what the page tells.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const TYPES = { html: 'text/html', css: 'text/css', js: 'text/javascript' };
const MAX_LINE = 1000;
const files = new Map(
  ['scout.html', 'scout.css', 'scout.js'].map((name) => [`/${name}`, readFileSync(new URL(name, import.meta.url))]),
);

const server = createServer((request, response) => {
  const path = request.url === '/' ? '/scout.html' : request.url;
  const file = files.get(path);
  if (file !== undefined) {
    response.writeHead(200, { 'content-type': `${TYPES[path.split('.').pop()]}; charset=utf-8` }).end(file);
  } else if (path === '/relay-url') {
    response.end(process.env.RELAY_URL ?? 'ws://localhost:9002/ws');
  } else if (path === '/said' && request.headers['content-type'] === 'application/x-line') {
    // Pages of other origins may not send such a type.
    said(request, response);
  } else {
    response.writeHead(404).end();
  }
});

async function said(request, response) {
  let text = '';
  for await (const part of request.setEncoding('utf8')) {
    text += part;
    if (text.length > MAX_LINE) return response.writeHead(413, { connection: 'close' }).end();
  }
  // What comes from elsewhere must not steer a terminal.
  console.log(text.replace(/[\p{Cc}\p{Cf}]/gu, ''));
  response.writeHead(204).end();
}

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening http://127.0.0.1:${server.address().port}/`);
});
process.once('SIGTERM', () => process.exit());
