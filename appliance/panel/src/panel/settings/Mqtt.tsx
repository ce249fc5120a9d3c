// The owner's MQTT broker: how the way there is, what Home Assistant shows, and the form.
import { Alert, Group, Skeleton, Stack, Text } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleOff,
  IconLoader,
  IconPlugConnected,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
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
import { Trial } from "./Trial";

export function Mqtt() {
  const { t } = useTranslation("panel");
  const format = useFormat();
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
          {view.data.settings.host !== "" && (
            // It connects beside the connection that stands.
            <Trial
              words={{ button: t("mqtt.test"), saveFirst: t("mqtt.test_save") }}
              picture={<IconPlugConnected size={18} aria-hidden />}
              dirty={dirty}
              run={api.testMqtt}
            >
              {({ works, took_ms, error, cause }) => (
                <>
                  <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                    {works
                      ? t("mqtt.test_ok", { seconds: format.number(took_ms / 1000, 1) })
                      : t("mqtt.test_failed", { error })}
                  </Text>
                  {cause && <Text size="sm">{t(`mqtt.cause.${cause}`, { user: view.data.settings.user })}</Text>}
                </>
              )}
            </Trial>
          )}
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
