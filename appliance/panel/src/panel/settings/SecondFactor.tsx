// The second factor of one's own account: an app is set up with a QR code, proves itself, and recovery
// codes are shown once.
import { Button, Center, Group, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconShieldCheck, IconShieldOff } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { QRCodeSVG } from "qrcode.react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Me } from "../../api/schema";
import { Asked } from "../parts/Asked";
import { CopyField } from "../parts/CopyField";
import { StateBadge } from "../parts/StateBadge";
import { Card } from "./Card";
import { ShownOnce } from "./ShownOnce";

const ON = { icon: IconShieldCheck, color: "teal" } as const;
const OFF = { icon: IconShieldOff, color: "gray" } as const;

export function SecondFactor({ me }: { me: Me }) {
  const { t } = useTranslation(["panel", "shared"]);
  const [opened, dialog] = useDisclosure(false);
  const on = me.second_factor;
  // What the dialog is about stays so, though what it does changes what is on.
  const [removes, setRemoves] = useState(on);
  const open = () => {
    setRemoves(on);
    dialog.open();
  };
  return (
    <Card title={t("factor.title")} text={t("factor.text")}>
      <Group>
        <StateBadge look={on ? ON : OFF} word={t(on ? "factor.on" : "factor.off")} />
        <Button variant="default" onClick={open}>
          {t(on ? "factor.remove" : "factor.set_up")}
        </Button>
      </Group>
      <Modal
        opened={opened}
        onClose={dialog.close}
        title={t(removes ? "factor.remove_title" : "factor.set_up")}
        closeButtonProps={{ "aria-label": t("shared:close") }}
      >
        {removes ? <Removal close={dialog.close} /> : <SetUp close={dialog.close} />}
      </Modal>
    </Card>
  );
}

function SetUp({ close }: { close: () => void }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const begin = useMutation({ mutationFn: api.beginFactor });
  const keep = useMutation({ mutationFn: api.keepFactor });
  const done = () => {
    close();
    void cache.invalidateQueries({ queryKey: keys.session });
  };
  if (keep.data) {
    const codes = keep.data.recovery_codes.join(" ");
    return (
      <ShownOnce fields={[{ label: t("factor.recovery"), value: codes }]} done={done}>
        <Text size="sm">{t("factor.recovery_text")}</Text>
        <ul className="recovery-codes">
          {keep.data.recovery_codes.map((code) => (
            <li key={code}>{code}</li>
          ))}
        </ul>
      </ShownOnce>
    );
  }
  if (!begin.data) {
    return (
      <Asked
        close={close}
        text={t("factor.begin_text")}
        field="password"
        action={t("factor.next")}
        work={begin}
      />
    );
  }
  return (
    <Stack>
      <Text size="sm">{t("factor.scan")}</Text>
      <Center>
        <div className="qr">
          <QRCodeSVG value={begin.data.address} size={184} level="M" title={t("factor.qr")} />
        </div>
      </Center>
      <CopyField label={t("factor.secret")} value={begin.data.secret} />
      <Asked close={close} text={t("factor.code_text")} field="code" action={t("factor.keep")} work={keep} />
    </Stack>
  );
}

function Removal({ close }: { close: () => void }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const remove = useMutation({
    mutationFn: api.removeFactor,
    onSuccess() {
      close();
      void cache.invalidateQueries({ queryKey: keys.session });
    },
  });
  return (
    <Asked
      close={close}
      text={t("factor.remove_text")}
      field="password"
      action={t("factor.remove")}
      work={remove}
    />
  );
}
