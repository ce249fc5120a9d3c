// A certificate that the owner has: put in, checked, looked at, and only then shown.
import { Alert, Button, FileButton, Group, Stack, Text, Textarea } from "@mantine/core";
import { IconCircleCheck, IconFileUpload } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { CertificatePreview, CertificateUpload } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { readPem } from "./pemFile";
import { Facts } from "./Shown";

export function Upload({ waiting }: { waiting: boolean }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [chain, setChain] = useState("");
  const [key, setKey] = useState("");
  const upload: CertificateUpload = key.trim() === "" ? { chain } : { chain, key };
  const check = useMutation({ mutationFn: () => api.previewCertificate(upload) });
  const install = useMutation({
    mutationFn: () => api.installCertificate(upload),
    onSuccess(view) {
      cache.setQueryData(keys.certificates, view);
      setChain("");
      // A key that was typed is nowhere in this page any more.
      setKey("");
      check.reset();
    },
  });
  if (check.data) {
    return (
      <Preview
        preview={check.data}
        error={install.error}
        working={install.isPending}
        install={() => install.mutate()}
        back={() => {
          check.reset();
          install.reset();
        }}
      />
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        install.reset();
        check.mutate();
      }}
    >
      <Stack gap="md">
        {install.isSuccess && (
          <Alert color="teal" role="status" icon={<IconCircleCheck size={18} aria-hidden />}>
            {t("certificates.upload.done")}
          </Alert>
        )}
        <PemField
          label={t("certificates.upload.chain")}
          text={t("certificates.upload.chain_text")}
          value={chain}
          change={setChain}
          placeholder="-----BEGIN CERTIFICATE-----"
        />
        <PemField
          label={t("certificates.upload.key")}
          text={t(waiting ? "certificates.upload.key_waiting" : "certificates.upload.key_text")}
          value={key}
          change={setKey}
          placeholder="-----BEGIN PRIVATE KEY-----"
        />
        {check.error && <Failure error={check.error} />}
        <Group>
          <Button type="submit" disabled={chain.trim() === ""} loading={check.isPending}>
            {t("certificates.upload.check")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface PemFieldProps {
  label: string;
  text: string;
  value: string;
  change: (text: string) => void;
  placeholder: string;
}

function PemField({ label, text, value, change, placeholder }: PemFieldProps) {
  const { t } = useTranslation("panel");
  const [problem, setProblem] = useState<"binary" | "large" | null>(null);
  const read = async (file: File | null) => {
    if (!file) return;
    const found = await readPem(file);
    setProblem("problem" in found ? found.problem : null);
    if ("text" in found) change(found.text);
  };
  return (
    <Stack gap="xs">
      <Textarea
        label={label}
        description={text}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        autosize
        minRows={3}
        maxRows={8}
        value={value}
        error={problem && t(`certificates.upload.${problem}`)}
        onChange={(event) => {
          setProblem(null);
          change(event.currentTarget.value);
        }}
        styles={{ input: { fontFamily: "ui-monospace, monospace", fontSize: 13 } }}
      />
      <FileButton onChange={(file) => void read(file)} inputProps={{ "aria-label": `${label}: ${t("certificates.upload.file")}` }}>
        {(props) => (
          <Button
            {...props}
            variant="default"
            size="xs"
            leftSection={<IconFileUpload size={16} aria-hidden />}
            aria-label={`${label}: ${t("certificates.upload.file")}`}
            style={{ alignSelf: "flex-start" }}
          >
            {t("certificates.upload.file")}
          </Button>
        )}
      </FileButton>
    </Stack>
  );
}

interface PreviewProps {
  preview: CertificatePreview;
  error: unknown;
  working: boolean;
  install: () => void;
  back: () => void;
}

function Preview({ preview, error, working, install, back }: PreviewProps) {
  const { t } = useTranslation("panel");
  return (
    <Stack gap="md">
      <Text fw={600} role="status">
        {t("certificates.upload.would")}
      </Text>
      <Facts facts={preview.facts} uncovered={preview.uncovered} />
      {preview.uncovered.length === 0 && (
        <Text size="sm">{t("certificates.upload.all_covered")}</Text>
      )}
      {preview.notes.map((note) => (
        <Alert key={note} color="orange" p="xs">
          {t(`certificates.upload.note.${note}`)}
        </Alert>
      ))}
      {error ? <Failure error={error} /> : null}
      <Group>
        <Button loading={working} onClick={install}>
          {t("certificates.upload.install")}
        </Button>
        <Button variant="subtle" color="gray" onClick={back}>
          {t("certificates.upload.other")}
        </Button>
      </Group>
    </Stack>
  );
}
