// Mails about alarms: the form, how they go, and a test.
import { Alert, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { MailView } from "../../api/schema";
import { Ago } from "../parts/Ago";
import { Failure } from "../parts/Failure";
import { useFormat } from "../wording";
import { Card } from "./Card";
import { MailForm } from "./MailForm";
import { Trial } from "./Trial";

export function Mail() {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const view = useQuery({ queryKey: keys.mail, queryFn: api.mail });
  const [dirty, setDirty] = useState(false);
  return (
    <Card title={t("mail.title")} text={t("mail.text")}>
      {view.error && <Failure error={view.error} />}
      {view.isPending && <Skeleton height={240} radius="lg" />}
      {view.data && (
        <>
          <Outcome view={view.data} />
          <MailForm view={view.data} onDirty={setDirty} />
          {view.data.settings.host !== "" && (
            <Trial
              words={{ button: t("mail.test"), saveFirst: t("mail.test_save") }}
              picture={<IconSend size={18} aria-hidden />}
              dirty={dirty}
              run={api.testMail}
            >
              {({ works, took_ms, error }) => (
                <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                  {works
                    ? t("mail.test_ok", { seconds: format.number(took_ms / 1000, 1) })
                    : t("mail.test_failed", { error })}
                </Text>
              )}
            </Trial>
          )}
        </>
      )}
    </Card>
  );
}

function Outcome({ view }: { view: MailView }) {
  const { t } = useTranslation("panel");
  const { sent_at, error, failed_at } = view.outcome;
  return (
    <>
      {error && failed_at && (
        <Alert color="orange" p="sm" icon={<IconAlertTriangle size={18} aria-hidden />}>
          <Stack gap={4}>
            <Text size="sm">
              {t("mail.failing")} (<Ago at={failed_at} />). {t("mail.failing_text")}
            </Text>
            <Text size="xs" style={{ overflowWrap: "anywhere" }}>
              {error}
            </Text>
          </Stack>
        </Alert>
      )}
      {sent_at && (
        <Text size="sm" c="dimmed" role="status">
          {t("mail.sent")}: <Ago at={sent_at} />
        </Text>
      )}
    </>
  );
}
