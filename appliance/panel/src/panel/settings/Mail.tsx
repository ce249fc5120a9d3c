// Mails about alarms: the form, how they go, and a test.
import { Alert, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconSend } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
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

export function Mail() {
  const { t } = useTranslation("panel");
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
          {view.data.settings.host !== "" && <Trial dirty={dirty} />}
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

/** Sends one to everybody, and says what the server said. */
function Trial({ dirty }: { dirty: boolean }) {
  const { t } = useTranslation("panel");
  const format = useFormat();
  const trial = useMutation({ mutationFn: api.testMail });
  const { data } = trial;
  const Picture = data?.works ? IconCircleCheck : IconAlertTriangle;
  return (
    <Stack gap="xs" align="flex-start">
      <Group gap="sm">
        <Button
          variant="default"
          disabled={dirty}
          loading={trial.isPending}
          leftSection={<IconSend size={18} aria-hidden />}
          onClick={() => trial.mutate()}
        >
          {t("mail.test")}
        </Button>
        {dirty && (
          <Text size="sm" c="dimmed">
            {t("mail.test_save")}
          </Text>
        )}
      </Group>
      {trial.error && <Failure error={trial.error} />}
      {data && !dirty && (
        <Alert role="status" p="xs" w="100%" color={data.works ? "teal" : "orange"} icon={<Picture size={18} aria-hidden />}>
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {data.works
              ? t("mail.test_ok", { seconds: format.number(data.took_ms / 1000, 1) })
              : t("mail.test_failed", { error: data.error })}
          </Text>
        </Alert>
      )}
    </Stack>
  );
}
