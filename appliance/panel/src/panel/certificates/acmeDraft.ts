// What is typed about ACME, and what of it the box is sent. Pure.
import type { AcmeProof, AcmePut, AcmeView } from "../../api/schema";

export const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

export function valuesOf({ settings }: AcmeView) {
  return {
    directory: settings.directory,
    authority: settings.authority,
    contact: settings.contact,
    names: settings.names.join("\n"),
    proof: settings.proof.kind,
    ...dnsOf(settings.proof),
    terms: settings.terms_accepted,
    // Never shown: what is typed replaces them.
    boundId: "",
    boundKey: "",
  };
}

/** What is typed about a proof by DNS; what another proof does not have stands as it usually is. */
function dnsOf(proof: AcmeProof) {
  const zone = proof.kind === "rfc2136" ? proof : null;
  return {
    server: zone?.server ?? "",
    zone: zone?.zone ?? "",
    keyName: zone?.key_name ?? "",
    algorithm: zone?.algorithm ?? ("hmac_sha256" as const),
    waitS: zone?.wait_s ?? 10,
    // Never shown: what is typed replaces it.
    dnsSecret: "",
    acmeDns: proof.kind === "acme_dns" ? proof.server : "",
  };
}

function proofOf(values: AcmeValues): AcmeProof {
  const { server, zone, keyName, algorithm, waitS } = values;
  switch (values.proof) {
    case "rfc2136":
      return { kind: "rfc2136", server, zone, key_name: keyName, algorithm, wait_s: waitS };
    case "acme_dns":
      return { kind: "acme_dns", server: values.acmeDns };
    default:
      return { kind: "http" };
  }
}

export type AcmeValues = ReturnType<typeof valuesOf>;

export function putOf(values: AcmeValues): AcmePut {
  const { directory, authority, contact, terms, boundId, boundKey } = values;
  const names = values.names.split(/[\s,]+/).filter((name) => name !== "");
  const settings = {
    directory,
    authority,
    contact,
    names,
    proof: proofOf(values),
    terms_accepted: terms,
  };
  return {
    settings,
    ...(boundId !== "" || boundKey !== "" ? { binding: { id: boundId, key: boundKey } } : {}),
    ...(values.proof === "rfc2136" && values.dnsSecret !== "" ? { dns_secret: values.dnsSecret } : {}),
  };
}
