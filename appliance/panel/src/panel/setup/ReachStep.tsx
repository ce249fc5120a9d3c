// How others find the box: its addresses, its name in the network, a code for the phone.
import { Alert, Anchor, Button, Code, Group, List, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import { CopyField } from "../parts/CopyField";
import { Failure } from "../parts/Failure";
import { addressesOf, mdnsNames } from "./reach";
import { StepFrame, type StepProps } from "./StepFrame";

export function ReachStep(props: StepProps) {
  const { t } = useTranslation("setup");
  const view = useQuery({ queryKey: keys.certificates, queryFn: api.certificates, refetchOnMount: "always" });
  const names = view.data?.names ?? [];
  const [first, ...others] = addressesOf(names, location);
  const mdns = mdnsNames(names);
  const alone = view.data !== undefined && !first;
  return (
    <StepFrame
      title={t("reach.title")}
      text={t(alone ? "reach.text_alone" : "reach.text")}
      action={props.state === "done" ? undefined : t(alone ? "reach.go_on_alone" : "reach.works")}
      // Nobody has seen it open elsewhere: that is still to do.
      finish={async () => {
        if (!alone) await props.mark("passed");
        else if (props.state === "open") await props.mark("skipped");
      }}
      skippable={!alone}
      stuck={view.isPending && ""}
      {...props}
    >
      {view.isPending && <Skeleton height={200} radius="md" />}
      {view.error && <Failure error={view.error} retry={() => void view.refetch()} />}
      {alone && (
        <Alert color="orange" icon={<IconAlertTriangle size={20} aria-hidden />}>
          <Stack gap="sm" align="flex-start">
            <Text size="sm">{t("reach.alone")}</Text>
            <Button component={Link} href="/settings/network" size="xs" variant="default">
              {t("reach.network")}
            </Button>
          </Stack>
        </Alert>
      )}
      {view.data && first && (
        <Group align="flex-start" gap="lg">
          <QRCodeSVG value={first} size={168} marginSize={2} title={t("reach.qr", { address: first })} />
          <Stack gap="sm" flex={1} miw={220}>
            <CopyField label={t("reach.main")} value={first} />
            {others.length > 0 && (
              <Stack gap={4}>
                <Text size="sm">{t("reach.others")}</Text>
                <List size="sm" spacing={4}>
                  {others.map((address) => (
                    <List.Item key={address} style={{ overflowWrap: "anywhere" }}>
                      <Anchor href={address} size="sm">
                        {address}
                      </Anchor>
                    </List.Item>
                  ))}
                </List>
              </Stack>
            )}
          </Stack>
        </Group>
      )}
      {view.data && first && (
        <Text size="sm">
          {mdns[0] ? (
            <>
              <Code>{mdns[0]}</Code> {t("reach.mdns")}
            </>
          ) : (
            t("reach.no_mdns")
          )}
        </Text>
      )}
      {!alone && (
        <>
          <Text size="sm" c="dimmed">
            {t("reach.warning")}
          </Text>
          <Text size="sm" c="dimmed">
            <b>{t("reach.trouble")}</b> {t("reach.trouble_text")}
          </Text>
        </>
      )}
    </StepFrame>
  );
}
