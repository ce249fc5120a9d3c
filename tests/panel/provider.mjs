// An identity provider: the certified oidc-provider with people in memory, on a site of its own (localhost, while
// boxes are at 127.0.0.1), so that cookies are kept apart as they are between sites.

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

// It says at each start that keys in memory and its own pages are for development: so they are here.
console.warn = () => undefined;
console.info = () => undefined;
const { default: Oidc } = await import('oidc-provider');

export const CLIENT = { id: 'roombox', secret: 'canary4712canary' };

/** Kinds of keys with which it may sign. */
const KEYS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

export class Provider {
  /** Who has an account: by login, what is told of them. They may change. */
  people = new Map();
  #port = 0;

  static async start(callback, algorithm = 'RS256') {
    const provider = new Provider();
    provider.callback = callback;
    await provider.run(algorithm);
    return provider;
  }

  /** Starts it, a second time on the port of the first, with a new key. */
  async run(algorithm) {
    const key = KEYS[algorithm]().privateKey.export({ format: 'jwk' });
    this.server = http.createServer((request, response) => this.serve(request, response));
    await once(this.server.listen(this.#port, '127.0.0.1'), 'listening');
    this.#port = this.server.address().port;
    this.issuer = `http://localhost:${this.#port}`;
    const oidc = new Oidc(this.issuer, {
      clients: [{
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [this.callback],
        id_token_signed_response_alg: algorithm,
      }],
      scopes: ['openid', 'profile', 'email', 'groups'],
      claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
      pkce: { required: () => true },
      jwks: { keys: [{ ...key, alg: algorithm, use: 'sig' }] },
      cookies: { keys: ['of a test'] },
      features: { devInteractions: { enabled: true } },
      findAccount: (_, login) => {
        const told = this.people.get(login);
        return told && { accountId: login, claims: () => ({ sub: login, ...told }) };
      },
    });
    this.serve = oidc.callback();
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}
