import { Badge, Button, Group } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxView } from "../../api/schema";
import { Card } from "./Card";

/** The way to the updates, and whether there is something to do there. */
export function Software({ box }: { box: BoxView }) {
  const { t } = useTranslation("panel");
  const updates = useQuery({ queryKey: keys.updates, queryFn: api.updates });
  const version = updates.data?.version ?? box.version;
  const offer = updates.data?.channel.offer;
  return (
    <Card title={t("updates.title")} text={t("updates.card_text", { version })}>
      <Group>
        <Button
          component={Link}
          href="/settings/updates"
          variant="default"
          leftSection={<IconRefresh size={18} aria-hidden />}
        >
          {t("updates.open")}
        </Button>
        {updates.data?.now.state === "installed" && (
          <Badge className="state" variant="light" color="orange" tt="none">
            {t("updates.ready")}
          </Badge>
        )}
        {updates.data?.now.state === "idle" && offer && (
          <Badge className="state" variant="light" color="blue" tt="none">
            {t("updates.offer.title", { version: offer.version })}
          </Badge>
        )}
      </Group>
    </Card>
  );
}
