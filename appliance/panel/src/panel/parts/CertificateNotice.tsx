// Above every page: the certificate ends soon, or has.
import { Button, Group, Paper, Text } from "@mantine/core";
import { IconLockExclamation } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { useNow } from "../now";
import { useFormat } from "../wording";

export function CertificateNotice() {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const now = useNow();
  const view = useQuery({ queryKey: keys.certificates, queryFn: api.certificates });
  const served = view.data?.served;
  if (!served || served.state === "good") return null;
  const left = Math.max(0, (Date.parse(served.facts.not_after) - now) / 1000);
  return (
    <Paper className="surface page" mb="md" px="md" py="xs" role="status">
      <Group gap="sm" justify="space-between">
        <Group gap="sm" wrap="nowrap" miw={0}>
          <IconLockExclamation size={20} aria-hidden style={{ flex: "none" }} />
          <Text size="sm">
            {t(`certificates.notice.${served.state}`, { span: format.span(left) })}
          </Text>
        </Group>
        <Button component={Link} href="/settings/certificates" variant="default" size="xs">
          {t("certificates.notice.look")}
        </Button>
      </Group>
    </Paper>
  );
}
