import type { RequestAdapter } from '../adapter.ts';
import { refuseAsProblem } from './answers.ts';
import { Gateway } from './gateway.ts';

/** The HTTP gateway (BRIDGES §3). */
export const httpAdapter: RequestAdapter = {
  name: 'http',
  cors: {
    methods: ['GET', 'POST'],
    headers: ['Authorization', 'Content-Type', 'X-Waggle-Authid'],
    exposed: ['Retry-After', 'WWW-Authenticate'],
  },
  refuse: refuseAsProblem,
  serve(base, context) {
    const { requests } = context;
    // The server gives every such endpoint its context, so this is a bug of ours.
    if (requests === undefined) throw new Error('http needs the context of requests');
    const gateway = new Gateway(base, context, requests);
    return (request, response, path, from) => gateway.handle({ request, response, from }, path);
  },
};
