/** What the redirect and the proxy must agree on; both sides take their defaults from here. */

/** Where Azure's instance metadata service answers, fixed by Azure. */
export const metadataAddress = '169.254.169.254';
export const metadataPort = 80;

/** Where the proxy listens on 127.0.0.1; upstream's default, and what its webhook passes. */
export const proxyPort = 8000;

/** The user and group of the proxy's image; upstream's redirect exempts this uid. */
export const proxyUid = 1501;
export const proxyGid = 1501;

/**
 * With the alias-port exemption, a connection to `metadataAddress` on this port leaves as one to
 * `metadataPort`: the way past the redirect for a proxy whose uid the pod dictates. The real service does
 * not listen here, so that without the redirect's rule such a connection is refused, never misdirected.
 */
export const aliasPort = 60080;
