// Who one is at the house's sign-in service: connected, to be connected, or all one signs in with.
import { Alert, Button, Group, Modal, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconBuilding, IconCircleCheck } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { keys } from "../../api/keys";
import { oidc } from "../../api/oidc";
import type { Me } from "../../api/schema";
import { useOidcEnd } from "../oidcEnd";
import { Card } from "../settings/Card";
import { Asked } from "./Asked";
import { Confirm } from "./Confirm";
import { OidcFailure } from "./OidcFailure";

export function OwnIdentity({ me }: { me: Me }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const end = useOidcEnd();
  const [leaving, leave] = useDisclosure(false);
  const [joining, join] = useDisclosure(false);
  const { data } = useQuery({ queryKey: keys.oidcButton, queryFn: oidc.button });
  const connect = useMutation({
    mutationFn: oidc.connect,
    onSuccess: ({ location: there }) => location.assign(there),
  });
  const { identity } = me;
  const name = data?.name ?? null;
  if (identity === null && name === null && end === null) return null;
  return (
    <Card title={t("oidc.own")} text={t(identity?.managed ? "oidc.own_managed" : "oidc.own_text")}>
      {end === "connected" && (
        <Alert color="teal" role="status" icon={<IconCircleCheck size={18} aria-hidden />}>
          <Text size="sm">{t("oidc.own_done")}</Text>
        </Alert>
      )}
      {end !== null && end !== "connected" && <OidcFailure code={end} />}
      {identity && (
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {[identity.mail, identity.issuer].filter((part) => part !== "").join(" · ")}
        </Text>
      )}
      {(!identity?.managed || identity === null) && (
        <Group>
          {identity ? (
            <Button variant="default" onClick={leave.open}>
              {t("oidc.disconnect")}
            </Button>
          ) : (
            name !== null && (
              <Button
                variant="default"
                leftSection={<IconBuilding size={18} aria-hidden />}
                onClick={join.open}
              >
                {t("oidc.connect", { name })}
              </Button>
            )
          )}
        </Group>
      )}
      <Modal opened={joining} onClose={join.close} title={t("oidc.connect", { name })}>
        <Asked
          close={join.close}
          text={t("oidc.connect_text")}
          field="password"
          action={t("oidc.connect_go")}
          work={{ ...connect, isPending: connect.isPending || connect.isSuccess }}
        />
      </Modal>
      <Confirm
        opened={leaving}
        close={leave.close}
        title={t("oidc.disconnect_title")}
        text={t("oidc.disconnect_text")}
        action={t("oidc.disconnect")}
        run={oidc.disconnect}
        done={() => void cache.invalidateQueries({ queryKey: keys.session })}
      />
    </Card>
  );
}
