/**
 * Whether an address shows by itself that it is in the house's own network (RFC 1918, RFC 4193, RFC 6762,
 * or a name without a dot). What other names lead to, only the box knows.
 */
export function isInNetwork(url: string): boolean {
  if (!URL.canParse(url.trim())) return false;
  const { hostname } = new URL(url.trim());
  return (
    /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)[\d.]+$/.test(hostname) ||
    /^\[f[cd][\da-f]{2}:/.test(hostname) ||
    /\.(local|home\.arpa|internal|lan)$/.test(hostname) ||
    /^[a-z][^.:]*$/.test(hostname)
  );
}
