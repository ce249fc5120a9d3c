// Whom the box trusts at somebody's server: an authority's certificate, or one certificate by its fingerprint.
import { TextInput, Textarea } from "@mantine/core";

interface Field {
  label: string;
  description: string;
  /** What the form gives its field. */
  input: object;
}

interface TrustFieldsProps {
  kind: string;
  authority: Field;
  fingerprint: Field;
}

const MONOSPACE = { input: { fontFamily: "monospace" } };

export function TrustFields({ kind, authority, fingerprint }: TrustFieldsProps) {
  if (kind === "authority") {
    return (
      <Textarea
        label={authority.label}
        description={authority.description}
        placeholder="-----BEGIN CERTIFICATE-----"
        autosize
        minRows={3}
        maxRows={8}
        styles={MONOSPACE}
        {...authority.input}
      />
    );
  }
  if (kind !== "pinned") return null;
  return (
    <TextInput
      label={fingerprint.label}
      description={fingerprint.description}
      autoComplete="off"
      styles={MONOSPACE}
      {...fingerprint.input}
    />
  );
}
