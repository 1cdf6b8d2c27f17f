import { UriMap } from '../../src/router/uri-map.ts';
import { LinearUriMap } from '../support/linear-uri-map.ts';
import { uriMapContract } from './uri-map.ts';

uriMapContract('UriMap', () => new UriMap());
uriMapContract('LinearUriMap', () => new LinearUriMap());
