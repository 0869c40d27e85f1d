/**
 * What a run's containers, networks, images and compose projects are known by. `.ci/docker/down` removes those
 * whose process is gone.
 */
export const owner = `imds-proxy-test-${process.pid}`;

export const ownerLabels = { 'workload-identity-imds-proxy.test': owner };
