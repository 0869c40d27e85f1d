import fc from 'fast-check';

const port = fc.integer({ min: 1, max: 65_535 });
const id = fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.constant(4_294_967_294));
const octet = fc.integer({ min: 0, max: 255 });
const address = fc
  .tuple(fc.integer({ min: 1, max: 223 }), octet, octet, octet)
  .map((octets) => octets.join('.'));
const network = fc
  .tuple(address, fc.integer({ min: 1, max: 32 }))
  .map(([base, prefix]) => `${base}/${prefix}`);

function range(end: fc.Arbitrary<number>, separator: string): fc.Arbitrary<string> {
  return fc.oneof(
    end.map(String),
    fc.tuple(end, end).map((ends) => `${Math.min(...ends)}${separator}${Math.max(...ends)}`),
  );
}

const addresses = fc.uniqueArray(address, { minLength: 1, maxLength: 3 });
const networks = fc.uniqueArray(fc.oneof(address, network), { minLength: 1, maxLength: 3 });

const common = {
  PROXY_PORT: port.map(String),
  PROXY_UID: range(id, '-'),
  PROXY_GID: range(id, '-'),
};

/** Environments of proxy-init that it accepts, over everything that its rules depend on. */
export const initEnvironment: fc.Arbitrary<Readonly<Record<string, string>>> = fc.oneof(
  fc.record({
    ...common,
    METADATA_IP: addresses.map((list) => list.join(',')),
    METADATA_PORT: range(port, ':'),
    INIT_EXEMPT: fc.constantFrom('uid', 'uid+gid', 'none'),
    INIT_GUARD: fc.constantFrom('off', 'imds', 'imds+wireserver'),
  }),
  fc.record({
    ...common,
    METADATA_IP: networks.map((list) => list.join(',')),
    METADATA_PORT: range(port, ':'),
    INIT_EXEMPT: fc.constantFrom('uid', 'uid+gid', 'none'),
  }),
  fc
    .record({
      ...common,
      METADATA_IP: addresses.map((list) => list.join(',')),
      METADATA_PORT: port.map(String),
      INIT_ALIAS_PORT: port.map(String),
      INIT_EXEMPT: fc.constant('alias-port'),
      INIT_GUARD: fc.constantFrom('off', 'imds', 'imds+wireserver'),
    })
    .filter((env) => env.METADATA_PORT !== env.INIT_ALIAS_PORT),
  fc
    .record({
      ...common,
      METADATA_IP: address,
      METADATA_PORT: range(port, ':'),
      PROXY_HOST: address,
    })
    .filter((env) => env.METADATA_IP !== env.PROXY_HOST),
);
