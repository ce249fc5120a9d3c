// A roombox.toml was put into this box, which has an owner: what it would change, and the decision.
import { Button, Group, Modal, Paper, Stack, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconFileSettings } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { WaitingFile } from "../../api/schema";
import { Failure } from "./Failure";

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
          <IconFileSettings size={20} aria-hidden />
          <Text size="sm">
            {t(waiting.source === "usb" ? "provisioning.usb" : "provisioning.disk")}
          </Text>
        </Group>
        <Button variant="default" size="compact-md" onClick={dialog.open}>
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
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("provisioning.key")}</Table.Th>
              <Table.Th>{t("provisioning.now")}</Table.Th>
              <Table.Th>{t("provisioning.wanted")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {waiting.changes.map((change) => (
              <Table.Tr key={change.key} c={change.applies ? undefined : "dimmed"}>
                <Table.Td>{change.key}</Table.Td>
                <Table.Td>{change.now ?? "–"}</Table.Td>
                <Table.Td>
                  {change.applies ? change.wanted : t("provisioning.stays")}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        {error && <Failure error={error} />}
        <Group justify="flex-end">
          <Button
            variant="default"
            loading={discard.isPending}
            onClick={() => discard.mutate()}
          >
            {t("provisioning.discard")}
          </Button>
          <Button loading={confirm.isPending} onClick={() => confirm.mutate()}>
            {t("provisioning.confirm")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
