import type { LinkInfo } from '../transports/link.ts';

/** Who somebody says to be, and what is to prove it. */
export interface Token {
  readonly authid: string;
  readonly ticket: string;
}

/**
 * The token of a request: `Authorization: Basic base64(authid:ticket)`, or `Bearer ticket` with `X-Waggle-Authid` or
 * `?authid=` (BRIDGES, intro).
 * @returns undefined where there is none that can be read
 */
export function tokenOf({ headers, url }: Pick<LinkInfo, 'headers' | 'url'>): Token | undefined {
  const { authorization, 'x-waggle-authid': header } = headers;
  const found = typeof authorization === 'string' ? /^(basic|bearer) +(\S+) *$/i.exec(authorization) : null;
  const [, scheme = '', value = ''] = found ?? [];
  if (scheme.toLowerCase() === 'basic') {
    const text = Buffer.from(value, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    return colon < 1 ? undefined : { authid: text.slice(0, colon), ticket: text.slice(colon + 1) };
  }
  const query = url?.includes('?') === true ? new URLSearchParams(url.slice(url.indexOf('?'))).get('authid') : null;
  const authid = typeof header === 'string' ? header : query;
  return value === '' || authid === null || authid === '' ? undefined : { authid, ticket: value };
}
