// A secret that the box does not keep: it is shown once, to be taken along now.
import { Alert, Button, Stack } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { CopyField } from "../parts/CopyField";

interface ShownOnceProps {
  fields: { label: string; value: string }[];
  done: () => void;
  /** What more helps to take it along. */
  children?: ReactNode;
}

export function ShownOnce({ fields, done, children }: ShownOnceProps) {
  const { t } = useTranslation("panel");
  return (
    <Alert icon={<IconKey size={20} aria-hidden />} title={t("once.title")} role="status">
      <Stack gap="sm" align="stretch">
        <span>{t("once.text")}</span>
        {fields.map(({ label, value }) => (
          <CopyField key={label} label={label} value={value} />
        ))}
        {children}
        <Button variant="default" onClick={done} style={{ alignSelf: "flex-start" }}>
          {t("once.done")}
        </Button>
      </Stack>
    </Alert>
  );
}
