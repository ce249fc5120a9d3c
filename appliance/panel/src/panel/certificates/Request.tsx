// A request for an authority to sign: its key stays on the box.
import { Button, Code, Group, Stack, Text, Textarea } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDownload, IconHourglass } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { CertificateRequest } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Confirm } from "../parts/Confirm";
import { Failure } from "../parts/Failure";
import { StateBadge } from "../parts/StateBadge";

export function Request({ waiting }: { waiting: CertificateRequest | null }) {
  const { t } = useTranslation("panel");
  return (
    <Stack gap="xs">
      <Text fw={600}>{t("certificates.request.title")}</Text>
      <Text size="sm" c="dimmed">
        {t("certificates.request.text")}
      </Text>
      {waiting ? <Waiting waiting={waiting} /> : <Make />}
    </Stack>
  );
}

function Make() {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [names, setNames] = useState("");
  const listed = names.split(/[\s,]+/).filter((name) => name !== "");
  const make = useMutation({
    mutationFn: () => api.requestCertificate({ names: listed }),
    onSuccess: (view) => cache.setQueryData(keys.certificates, view),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <Stack gap="sm" align="flex-start">
        <Textarea
          w="100%"
          label={t("certificates.request.names")}
          description={t("certificates.request.names_text")}
          placeholder="box.example.org"
          autosize
          minRows={1}
          maxRows={6}
          value={names}
          onChange={(event) => setNames(event.currentTarget.value)}
        />
        {make.error && <Failure error={make.error} />}
        <Button type="submit" variant="default" disabled={listed.length === 0} loading={make.isPending}>
          {t("certificates.request.make")}
        </Button>
      </Stack>
    </form>
  );
}

function Waiting({ waiting }: { waiting: CertificateRequest }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const [opened, dialog] = useDisclosure(false);
  const file = `data:application/pkcs10;charset=utf-8,${encodeURIComponent(waiting.request)}`;
  return (
    <Stack gap="sm" align="flex-start">
      <Group gap="xs">
        <StateBadge
          look={{ icon: IconHourglass, color: "yellow" }}
          word={t("certificates.request.waits")}
        />
        <Text size="sm" c="dimmed">
          {t("certificates.request.made")} <Ago at={waiting.made_at} />
        </Text>
      </Group>
      <Group gap={6}>
        {waiting.names.map((name) => (
          <Code key={name}>{name}</Code>
        ))}
      </Group>
      <Group gap="sm">
        <Button
          component="a"
          href={file}
          download={`${waiting.names[0]?.replace("*", "star") ?? "roombox"}.csr`}
          leftSection={<IconDownload size={18} aria-hidden />}
        >
          {t("certificates.request.download")}
        </Button>
        <Button variant="default" onClick={dialog.open}>
          {t("certificates.request.discard")}
        </Button>
      </Group>
      <Confirm
        opened={opened}
        close={dialog.close}
        title={t("certificates.request.discard_title")}
        text={t("certificates.request.discard_text")}
        action={t("certificates.request.discard")}
        run={api.discardCertificateRequest}
        done={() => void cache.invalidateQueries({ queryKey: keys.certificates })}
      />
    </Stack>
  );
}
