// The owner's MQTT broker: how the way there is, what Home Assistant shows, and the form.
import { Alert, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleOff,
  IconLoader,
  IconPlugConnected,
} from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { MqttView } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Failure } from "../parts/Failure";
import { StateBadge } from "../parts/StateBadge";
import { useFormat } from "../wording";
import { Card } from "./Card";
import { MqttForm } from "./MqttForm";

export function Mqtt() {
  const { t } = useTranslation("panel");
  const view = useQuery({ queryKey: keys.mqtt, queryFn: api.mqtt });
  const [dirty, setDirty] = useState(false);
  return (
    <Card title={t("mqtt.title")} text={t("mqtt.text")}>
      {view.error && <Failure error={view.error} />}
      {view.isPending && <Skeleton height={240} radius="lg" />}
      {view.data && (
        <>
          <Link view={view.data} />
          <MqttForm view={view.data} onDirty={setDirty} />
          {view.data.settings.host !== "" && <Trial view={view.data} dirty={dirty} />}
          <Shown view={view.data} />
        </>
      )}
    </Card>
  );
}

const LOOKS = {
  off: { icon: IconCircleOff, color: "gray" },
  connecting: { icon: IconLoader, color: "yellow" },
  connected: { icon: IconCircleCheck, color: "teal" },
  refused: { icon: IconAlertTriangle, color: "orange" },
} as const;

/** Where the connection stands, and what helps. */
function Link({ view }: { view: MqttView }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const { state, since, cause, error } = view.link;
  const { obeyed, refused, unreadable } = view.orders;
  return (
    <Stack gap="xs">
      <Group gap="xs" role="status">
        <StateBadge look={LOOKS[state]} word={t(`mqtt.state.${state}`)} />
        {state !== "off" && (
          <Text size="sm" c="dimmed">
            {t("mqtt.changed")} <Ago at={since} />
          </Text>
        )}
      </Group>
      {cause && (
        <Alert color="orange" p="sm" icon={<IconAlertTriangle size={18} aria-hidden />}>
          <Stack gap={4}>
            <Text size="sm">{t(`mqtt.cause.${cause}`, { user: view.settings.user })}</Text>
            <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
              {error}
            </Text>
          </Stack>
        </Alert>
      )}
      {obeyed + refused + unreadable > 0 && (
        <Text size="sm">
          {t("mqtt.orders", {
            obeyed: format.number(obeyed),
            refused: format.number(refused),
            unreadable: format.number(unreadable),
          })}
        </Text>
      )}
    </Stack>
  );
}

/** Connects beside the connection that stands, and says what came of it. */
function Trial({ view, dirty }: { view: MqttView; dirty: boolean }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const trial = useMutation({ mutationFn: api.testMqtt });
  const { data } = trial;
  const Picture = data?.works ? IconCircleCheck : IconAlertTriangle;
  return (
    <Stack gap="xs" align="flex-start">
      <Group gap="sm">
        <Button
          variant="default"
          disabled={dirty}
          loading={trial.isPending}
          leftSection={<IconPlugConnected size={18} aria-hidden />}
          onClick={() => trial.mutate()}
        >
          {t("mqtt.test")}
        </Button>
        {dirty && (
          <Text size="sm" c="dimmed">
            {t("mqtt.test_save")}
          </Text>
        )}
      </Group>
      {trial.error && <Failure error={trial.error} />}
      {data && !dirty && (
        <Alert
          role="status"
          p="xs"
          w="100%"
          color={data.works ? "teal" : "orange"}
          icon={<Picture size={18} aria-hidden />}
        >
          <Stack gap={4}>
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {data.works
                ? t("mqtt.test_ok", { seconds: format.number(data.took_ms / 1000, 1) })
                : t("mqtt.test_failed", { error: data.error })}
            </Text>
            {data.cause && (
              <Text size="sm">{t(`mqtt.cause.${data.cause}`, { user: view.settings.user })}</Text>
            )}
          </Stack>
        </Alert>
      )}
    </Stack>
  );
}

/** What Home Assistant makes of it. */
function Shown({ view }: { view: MqttView }) {
  const { t } = useTranslation("panel");
  const more = (things: string) =>
    view.settings.control ? `, ${things}.` : `. ${t("mqtt.only_with_control", { things })}`;
  return (
    <Stack gap={4}>
      <Text size="sm" fw={500}>
        {t("mqtt.shows")}
      </Text>
      <Text size="sm" c="dimmed">
        {t("mqtt.shows_box")}: {t("mqtt.things_box")}
        {more(t("mqtt.control_box"))}
      </Text>
      <Text size="sm" c="dimmed">
        {t("mqtt.shows_room")}: {t("mqtt.things_room")}
        {more(t("mqtt.control_room"))}
      </Text>
    </Stack>
  );
}
