// New settings of an interface, or a new VLAN: nothing is changed before they are tried.
import { Alert, Button, Group, Modal, NumberInput, Select, SimpleGrid, Stack, Text, TextInput, Textarea } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Refusal } from "../../api/client";
import { network, networkKeys } from "../../api/network";
import type { NetworkLink, NetworkView } from "../../api/schema";
import { Failure } from "../parts/Failure";
import { type Draft, draftOf, settingsOf } from "./draft";

const WAYS4 = ["dhcp", "static", "off"] as const;
const WAYS6 = ["auto", "static", "off"] as const;
const FIELDS = [
  "ipv4_address", "ipv4_prefix", "ipv4_gateway", "ipv6_address", "ipv6_prefix", "ipv6_gateway", "ipv6_way",
  "dns", "search", "id", "parent",
] as const;
type Field = (typeof FIELDS)[number];

interface InterfaceDialogProps {
  view: NetworkView;
  /** Whose settings; `null`: a new VLAN. */
  link: NetworkLink | null;
  close: () => void;
  tried: () => void;
}

export function InterfaceDialog({ view, link, close, tried }: InterfaceDialogProps) {
  const { t } = useTranslation("panel");
  const { t: shared } = useTranslation("shared");
  const cache = useQueryClient();
  const cables = view.interfaces.filter((one) => one.kind === "wired" && one.changeable);
  const [draft, setDraft] = useState<Draft>(() => draftOf(link?.settings ?? null));
  const [parent, setParent] = useState(cables[0]?.name ?? "");
  const [id, setId] = useState<number | string>("");
  const work = useMutation({
    mutationFn: () =>
      link
        ? network.set(link.name, settingsOf(draft))
        : network.addVlan(parent, Number(id) || 0, settingsOf(draft)),
    onSuccess(trial) {
      cache.setQueryData(networkKeys.trial, { trial });
      tried();
    },
  });
  const wrong = work.error instanceof Refusal ? work.error.problem.field?.replace(".", "_") : undefined;
  const field = FIELDS.find((one) => one === wrong);
  const error = (of: Field) => (field === of ? t(`network.wrong.${of}`) : undefined);
  const four = (change: Partial<Draft["ipv4"]>) => setDraft({ ...draft, ipv4: { ...draft.ipv4, ...change } });
  const six = (change: Partial<Draft["ipv6"]>) => setDraft({ ...draft, ipv6: { ...draft.ipv6, ...change } });
  const { people, recordings } = view.disturbed;
  return (
    <Modal
      opened
      onClose={close}
      size="lg"
      title={link ? t("network.change_of", { name: link.name }) : t("network.add_vlan")}
      closeButtonProps={{ "aria-label": shared("close") }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          work.mutate();
        }}
      >
        <Stack>
          {!link && (
            <SimpleGrid cols={{ base: 1, xs: 2 }}>
              <Select
                label={t("network.parent")}
                data={cables.map((cable) => cable.name)}
                allowDeselect={false}
                value={parent}
                error={error("parent")}
                onChange={(value) => setParent(value ?? parent)}
              />
              <NumberInput
                label={t("network.id")}
                description={t("network.id_text")}
                allowDecimal={false}
                value={id}
                error={error("id")}
                onChange={setId}
              />
            </SimpleGrid>
          )}
          <Select
            label={t("network.ipv4")}
            data={WAYS4.map((value) => ({ value, label: t(`network.way4.${value}`) }))}
            allowDeselect={false}
            value={draft.ipv4.way}
            onChange={(way) => four({ way: (way ?? "dhcp") as Draft["ipv4"]["way"] })}
          />
          {draft.ipv4.way === "static" && (
            <AddressFields
              of="ipv4"
              values={draft.ipv4}
              placeholder="192.168.1.5"
              prefixText={t("network.prefix4_text")}
              change={four}
              error={error}
            />
          )}
          <Select
            label={t("network.ipv6")}
            data={WAYS6.map((value) => ({ value, label: t(`network.way6.${value}`) }))}
            allowDeselect={false}
            value={draft.ipv6.way}
            error={error("ipv6_way")}
            onChange={(way) => six({ way: (way ?? "auto") as Draft["ipv6"]["way"] })}
          />
          {draft.ipv6.way === "static" && (
            <AddressFields
              of="ipv6"
              values={draft.ipv6}
              placeholder="2001:db8::5"
              prefixText={t("network.prefix6_text")}
              change={six}
              error={error}
            />
          )}
          <Textarea
            label={t("network.dns")}
            description={t("network.dns_text")}
            autosize
            minRows={1}
            maxRows={6}
            value={draft.dns}
            error={error("dns")}
            onChange={(event) => setDraft({ ...draft, dns: event.currentTarget.value })}
          />
          <Textarea
            label={t("network.search")}
            description={t("network.search_text")}
            autosize
            minRows={1}
            maxRows={6}
            value={draft.search}
            error={error("search")}
            onChange={(event) => setDraft({ ...draft, search: event.currentTarget.value })}
          />
          {people + recordings > 0 && (
            <Alert color="orange" p="sm" icon={<IconAlertTriangle size={18} aria-hidden />}>
              <Text size="sm">{t("network.disturbs", { people, recordings })}</Text>
            </Alert>
          )}
          <Text size="sm" c="dimmed">
            {t("network.how")}
          </Text>
          {/* What stands at its field needs no second place. */}
          {work.error && !field && <Failure error={work.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {shared("cancel")}
            </Button>
            <Button type="submit" loading={work.isPending}>
              {t("network.try")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

interface AddressFieldsProps {
  of: "ipv4" | "ipv6";
  values: { address: string; prefix: number; gateway: string };
  placeholder: string;
  prefixText: string;
  change: (change: { address?: string; prefix?: number; gateway?: string }) => void;
  error: (of: Field) => string | undefined;
}

function AddressFields({ of, values, placeholder, prefixText, change, error }: AddressFieldsProps) {
  const { t } = useTranslation("panel");
  return (
    <Stack gap="sm">
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <TextInput
          label={t("network.address")}
          placeholder={placeholder}
          autoComplete="off"
          inputWrapperOrder={["label", "input", "description", "error"]}
          value={values.address}
          error={error(`${of}_address`)}
          onChange={(event) => change({ address: event.currentTarget.value })}
        />
        <NumberInput
          label={t("network.prefix")}
          description={prefixText}
          inputWrapperOrder={["label", "input", "description", "error"]}
          allowDecimal={false}
          min={0}
          max={255}
          value={values.prefix}
          error={error(`${of}_prefix`)}
          onChange={(value) => change({ prefix: Number(value) || 0 })}
        />
      </SimpleGrid>
      <TextInput
        label={t("network.gateway")}
        description={t("network.optional")}
        autoComplete="off"
        value={values.gateway}
        error={error(`${of}_gateway`)}
        onChange={(event) => change({ gateway: event.currentTarget.value })}
      />
    </Stack>
  );
}
