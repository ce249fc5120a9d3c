// The proxy for what the box sends out: what goes by it, what does not, and whether it leads on.
import { Alert, Button, PasswordInput, SimpleGrid, Skeleton, Stack, Switch, Text, TextInput, Textarea } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconRoute } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { network } from "../../api/network";
import type { ProxySettings, Settings } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { useMay } from "../session";
import { useHelp } from "../settings/Applies";
import { Card } from "../settings/Card";
import { SaveBar } from "../settings/SaveBar";
import { SetByFleet } from "../settings/SetByFleet";
import { useSection } from "../settings/form";
import { listOf } from "./draft";

const HIDDEN = "(hidden)";
/** Kept for such things (RFC 2606). */
const USUAL_URL = "https://example.org/";

export function Proxy() {
  const { t } = useTranslation("panel");
  const settings = useQuery({ queryKey: keys.settings, queryFn: api.settings });
  return (
    <Card title={t("proxy.title")} text={t("proxy.text")}>
      {settings.error && <Failure error={settings.error} retry={() => void settings.refetch()} />}
      {settings.isPending && <Skeleton height={240} radius="lg" />}
      {settings.data && <ProxyForm settings={settings.data} />}
    </Card>
  );
}

/** Without a user there is no password, also if one was kept. */
const sent = (values: ProxySettings): ProxySettings => ({
  ...values,
  url: values.url.trim(),
  password: values.user.trim() === "" || values.url.trim() === "" ? "" : values.password,
  exceptions: values.exceptions.flatMap(listOf),
});

function ProxyForm({ settings }: { settings: Settings }) {
  const { t } = useTranslation("panel");
  const may = useMay();
  const { form, save, bar } = useSection(settings, "proxy");
  const help = useHelp();
  const { values } = form;
  const there = values.url.trim() !== "";
  return (
    <Stack gap="md">
      <Text size="sm">{settings.proxy.url === "" ? t("proxy.none") : t("proxy.is", { url: settings.proxy.url })}</Text>
      <SetByFleet section="proxy" />
      <form onSubmit={form.onSubmit((changed) => save.mutate(sent(changed)))} style={{ display: "grid", gap: 16 }}>
        <TextInput
          label={t("proxy.url")}
          description={help("proxy.url", t("proxy.url_text"))}
          placeholder="http://proxy.example.org:3128"
          autoComplete="off"
          {...form.getInputProps("url")}
        />
        {there && (
          <>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <TextInput
                label={t("proxy.user")}
                description={help("proxy.user", t("proxy.user_text"))}
                inputWrapperOrder={["label", "input", "description", "error"]}
                autoComplete="off"
                {...form.getInputProps("user")}
              />
              <PasswordInput
                label={t("proxy.password")}
                description={help("proxy.password", t("proxy.password_text"))}
                inputWrapperOrder={["label", "input", "description", "error"]}
                placeholder={values.password === HIDDEN ? t("proxy.password_is_set") : ""}
                autoComplete="off"
                visibilityToggleButtonProps={{ "aria-label": t("proxy.password_show") }}
                value={values.password === HIDDEN ? "" : values.password}
                onChange={(event) => form.setValues({ password: event.currentTarget.value })}
              />
            </SimpleGrid>
            <Switch
              label={t("proxy.local_direct")}
              description={help("proxy.local_direct", t("proxy.local_direct_text"))}
              {...form.getInputProps("local_direct", { type: "checkbox" })}
            />
            <Textarea
              label={t("proxy.exceptions")}
              description={help("proxy.exceptions", t("proxy.exceptions_text"))}
              placeholder="example.org"
              autosize
              minRows={1}
              maxRows={8}
              value={values.exceptions.join("\n")}
              onChange={(event) => form.setValues({ exceptions: event.currentTarget.value.split("\n") })}
            />
            <Switch
              label={t("proxy.looks_up")}
              description={help("proxy.looks_up", t("proxy.looks_up_text"))}
              {...form.getInputProps("looks_up", { type: "checkbox" })}
            />
            <Textarea
              label={t("proxy.authority")}
              description={help("proxy.authority", t("proxy.authority_text"))}
              placeholder="-----BEGIN CERTIFICATE-----"
              autosize
              minRows={1}
              maxRows={8}
              {...form.getInputProps("authority")}
            />
          </>
        )}
        <SaveBar {...bar} />
      </form>
      {there && may("run_network") && <Attempt proxy={sent(values)} />}
      <Text size="sm" c="dimmed">
        {t("proxy.goes")}
      </Text>
      <Text size="sm" c="dimmed">
        {t("proxy.stays")}
      </Text>
    </Stack>
  );
}

function Attempt({ proxy }: { proxy: ProxySettings }) {
  const { t } = useTranslation("panel");
  const [url, setUrl] = useState(USUAL_URL);
  const work = useMutation({ mutationFn: network.tryProxy });
  const { data } = work;
  // Of other settings than those that stand here nothing is said.
  const asked = JSON.stringify(work.variables) === JSON.stringify({ proxy, url });
  const works = data?.outcome === "works";
  return (
    <Stack gap="sm">
      <TextInput
        label={t("proxy.try_url")}
        description={t("proxy.try_url_text")}
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
      />
      <Button
        variant="default"
        loading={work.isPending}
        leftSection={<IconRoute size={18} aria-hidden />}
        style={{ justifySelf: "start", alignSelf: "flex-start" }}
        onClick={() => work.mutate({ proxy, url })}
      >
        {t("proxy.try")}
      </Button>
      {work.error && asked && <Failure error={work.error} />}
      {data && asked && (
        <Alert
          role="status"
          p="xs"
          color={works ? "teal" : "orange"}
          icon={works ? <IconCircleCheck size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}
        >
          <Text size="sm">
            {t(`proxy.outcome.${data.outcome}`, { status: data.status ?? "" })} · {t("proxy.took", { ms: data.took_ms })}
          </Text>
          {data.detail !== "" && (
            <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
              {data.detail}
            </Text>
          )}
        </Alert>
      )}
    </Stack>
  );
}
