// A roombox.toml was put into this box, which has an owner: what it would change, and the decision.
import { Button, Group, Modal, Paper, Stack, Text, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconArrowRight, IconFileSettings } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { WaitingFile } from "../../api/schema";
import { Failure } from "./Failure";
import { useSettingWords } from "./settingWords";

export function ProvisioningNotice() {
  const { t } = useTranslation("panel");
  const [opened, dialog] = useDisclosure(false);
  const state = useQuery({ queryKey: keys.provisioning, queryFn: api.provisioning });
  const waiting = state.data?.waiting;
  if (!waiting) return null;
  return (
    <Paper className="surface page" mb="md" px="md" py="xs" role="status">
      <Group gap="sm" justify="space-between">
        <Group gap="sm" wrap="nowrap" miw={0}>
          <IconFileSettings size={20} aria-hidden style={{ flex: "none" }} />
          <Text size="sm">
            {t(waiting.source === "usb" ? "provisioning.usb" : "provisioning.disk")}
          </Text>
        </Group>
        <Button variant="default" size="xs" onClick={dialog.open}>
          {t("provisioning.look")}
        </Button>
      </Group>
      <Decision waiting={waiting} opened={opened} close={dialog.close} />
    </Paper>
  );
}

interface DecisionProps {
  waiting: WaitingFile;
  opened: boolean;
  close: () => void;
}

function Decision({ waiting, opened, close }: DecisionProps) {
  const { t } = useTranslation("panel");
  const { t: shared } = useTranslation("shared");
  const cache = useQueryClient();
  const onSuccess = async () => {
    close();
    await cache.invalidateQueries();
  };
  const confirm = useMutation({ mutationFn: api.confirmProvisioning, onSuccess });
  const discard = useMutation({ mutationFn: api.discardProvisioning, onSuccess });
  const error = confirm.error ?? discard.error;
  const words = useSettingWords();
  // What does not apply is the owner's section, and the text says that it stays.
  const changes = waiting.changes.filter((change) => change.applies);
  return (
    <Modal
      opened={opened}
      onClose={close}
      size="lg"
      title={t("provisioning.title")}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <Stack>
        <Text size="sm">{t("provisioning.text")}</Text>
        {changes.length === 0 && <Text>{t("provisioning.nothing")}</Text>}
        <dl className="changes">
          {changes.map(({ key, now, wanted }) => (
            <div key={key}>
              <dt>{words.name(key)}</dt>
              <dd>
                <Text span c="dimmed">
                  <VisuallyHidden>{t("provisioning.now")}: </VisuallyHidden>
                  {words.value(key, now)}
                </Text>
                <Group gap={8} wrap="nowrap">
                  <IconArrowRight size={16} aria-hidden style={{ flex: "none" }} />
                  <Text span>
                    <VisuallyHidden>{t("provisioning.wanted")}: </VisuallyHidden>
                    {words.value(key, wanted)}
                  </Text>
                </Group>
              </dd>
            </div>
          ))}
        </dl>
        {error && <Failure error={error} />}
        <Group justify="flex-end">
          <Button
            variant="default"
            loading={discard.isPending}
            onClick={() => discard.mutate()}
          >
            {t("provisioning.discard")}
          </Button>
          <Button
            loading={confirm.isPending}
            disabled={changes.length === 0}
            onClick={() => confirm.mutate()}
          >
            {t("provisioning.confirm")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
