// Where an update comes from: the channel, a file, a stick, an address.
import { Alert, Button, Group, Progress, Stack, Text, TextInput } from "@mantine/core";
import { IconDownload, IconUpload, IconUsb } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ABORTED, api, Refusal, uploadBundle } from "../../api/client";
import { keys } from "../../api/keys";
import type { FoundBundle, InstallRequest, Updates } from "../../api/schema";
import { share } from "../../format";
import { Ago } from "../parts/Ago";
import { DropFile } from "../parts/DropFile";
import { Failure } from "../parts/Failure";
import { Card } from "../settings/Card";
import { useFormat } from "../wording";
import { isAtRest } from "./rest";

export function Sources({ updates }: { updates: Updates }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const install = useMutation({
    mutationFn: api.installUpdate,
    onSuccess: (view) => cache.setQueryData(keys.updates, view),
  });
  const rests = isAtRest(updates.now);
  const may = rests && updates.confirmed && !install.isPending;
  // What was uploaded is what is under way: it is shown above.
  const found = updates.found.filter(({ from }) => rests || from !== "upload");
  return (
    <Card title={t("updates.sources.title")} text={t("updates.sources.text")}>
      <Offer updates={updates} may={may} install={install.mutate} />
      <Upload may={may} />
      {found.length > 0 && (
        <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {found.map((bundle) => (
            <li key={`${bundle.from}/${bundle.name}`}>
              <Found bundle={bundle} may={may} install={install.mutate} />
            </li>
          ))}
        </Stack>
      )}
      <FromAddress may={may} install={install.mutate} />
      {install.error && <Failure error={install.error} />}
    </Card>
  );
}

interface InstallProps {
  may: boolean;
  install: (request: InstallRequest) => void;
}

function Offer({ updates, may, install }: InstallProps & { updates: Updates }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const settings = useQuery({ queryKey: keys.settings, queryFn: api.settings });
  const check = useMutation({
    mutationFn: api.checkUpdates,
    onSuccess: (view) => cache.setQueryData(keys.updates, view),
  });
  const { offer, error, checked_at: at } = updates.channel;
  if (!settings.data?.updates.channel && !offer) return null;
  return (
    <Stack gap="xs" align="flex-start">
      {offer && (
        <Alert color="blue" w="100%" title={t("updates.offer.title", { version: offer.version })}>
          <Stack gap="sm" align="flex-start">
            {offer.notes && (
              <Text size="sm" style={{ whiteSpace: "pre-wrap" }}>
                {offer.notes}
              </Text>
            )}
            <Group gap="sm">
              <InstallButton
                name={offer.version}
                may={may}
                act={() => install({ from: "channel" })}
              />
              {offer.size_bytes !== null && (
                <Text size="sm">{format.bytes(offer.size_bytes)}</Text>
              )}
            </Group>
          </Stack>
        </Alert>
      )}
      {error !== null && (
        <Text size="sm" c="var(--mantine-color-error)">
          {t("updates.offer.failed", { message: error })}
        </Text>
      )}
      <Group gap="sm">
        <Button size="xs" variant="default" loading={check.isPending} onClick={() => check.mutate()}>
          {t("updates.offer.check")}
        </Button>
        {at !== null && (
          <Text size="sm" c="dimmed">
            {!offer && error === null && <>{t("updates.offer.none")} </>}
            {t("updates.offer.checked")} <Ago at={at} />
          </Text>
        )}
      </Group>
      {check.error && <Failure error={check.error} />}
    </Stack>
  );
}

interface InstallButtonProps {
  name: string;
  may: boolean;
  act: () => void;
}

function InstallButton({ name, may, act }: InstallButtonProps) {
  const { t } = useTranslation("panel");
  return (
    <Button
      size="xs"
      style={{ flex: "none" }}
      disabled={!may}
      aria-label={t("updates.sources.install_named", { name })}
      leftSection={<IconDownload size={16} aria-hidden />}
      onClick={act}
    >
      {t("updates.sources.install")}
    </Button>
  );
}

function Found({ bundle, may, install }: InstallProps & { bundle: FoundBundle }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { from, name } = bundle;
  const Picture = from === "usb" ? IconUsb : IconUpload;
  return (
    <Group justify="space-between" wrap="nowrap" gap="sm">
      <Group gap="xs" wrap="nowrap" miw={0}>
        <Picture size={20} aria-hidden style={{ flex: "none" }} />
        <Stack gap={0} miw={0}>
          <Text size="sm" truncate>
            {name}
          </Text>
          <Text size="sm" c="dimmed">
            {from === "usb" ? t("updates.sources.usb") : t("updates.sources.uploaded")}
            {" · "}
            {format.bytes(bundle.size_bytes)}
          </Text>
        </Stack>
      </Group>
      <InstallButton name={name} may={may} act={() => install({ from, name })} />
    </Group>
  );
}

interface Sent {
  bytes: number;
  of: number;
  since: number;
  now: number;
}

function Upload({ may }: { may: boolean }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const cache = useQueryClient();
  const stop = useRef<AbortController | null>(null);
  const [sent, setSent] = useState<Sent | null>(null);
  const upload = useMutation({
    mutationFn(bundle: File) {
      const since = Date.now();
      const control = new AbortController();
      stop.current = control;
      setSent({ bytes: 0, of: bundle.size, since, now: since });
      const progress = (bytes: number) =>
        setSent({ bytes, of: bundle.size, since, now: Date.now() });
      return uploadBundle(bundle, progress, control.signal);
    },
    onSuccess: (view) => cache.setQueryData(keys.updates, view),
    onSettled: () => setSent(null),
  });
  const stopped = upload.error instanceof Refusal && upload.error.code === ABORTED;

  if (upload.isPending && sent) {
    const words = [
      t("updates.sources.sent", { sent: format.bytes(sent.bytes), total: format.bytes(sent.of) }),
      left(sent) === null
        ? t("updates.now.eta_unknown")
        : t("updates.now.eta", { span: format.span(left(sent) ?? 0) }),
    ];
    return (
      <div className="drop">
        <Progress w="100%" value={share(sent.bytes, sent.of)} aria-label={t("updates.now.receiving")} />
        <Text size="sm" c="dimmed">
          {words.join(" · ")}
        </Text>
        <Button size="xs" variant="default" onClick={() => stop.current?.abort()}>
          {t("updates.cancel")}
        </Button>
      </div>
    );
  }
  return (
    <>
      <DropFile
        may={may}
        accept=".raucb"
        drop={t("updates.sources.drop")}
        choose={t("updates.sources.choose")}
        send={upload.mutate}
      />
      {upload.error && !stopped && <Failure error={upload.error} />}
    </>
  );
}

/** Seconds that an upload still takes; null as long as nobody can know. */
function left({ bytes, of, since, now }: Sent): number | null {
  const took = (now - since) / 1000;
  return bytes > 0 && took >= 2 ? ((of - bytes) * took) / bytes : null;
}

function FromAddress({ may, install }: InstallProps) {
  const { t } = useTranslation("panel");
  const [url, setUrl] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        install({ from: "url", url: url.trim() });
      }}
    >
      <Group align="flex-end" gap="sm">
        <TextInput
          style={{ flex: "1 1 240px" }}
          type="url"
          label={t("updates.sources.url_label")}
          description={t("updates.sources.url_text")}
          placeholder="https://"
          value={url}
          onChange={(event) => setUrl(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" disabled={!may || url.trim() === ""}>
          {t("updates.sources.install")}
        </Button>
      </Group>
    </form>
  );
}
