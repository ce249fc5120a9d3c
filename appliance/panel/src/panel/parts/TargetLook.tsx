// How a target looks wherever it is named: what it is, what it is called, where it is.
import { Stack, Text, ThemeIcon } from "@mantine/core";
import { IconBucket, IconCloud, IconDeviceUsb, IconServer, type Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Name } from "../../Name";
import type { Place } from "../../api/schema";
import { whereOf, type Kind } from "../../targets";

const ICONS: Record<Kind, Icon> = {
  folder: IconDeviceUsb,
  s3: IconBucket,
  webdav: IconCloud,
  sftp: IconServer,
};

export function KindIcon({ kind }: { kind: Kind }) {
  const Picture = ICONS[kind];
  return (
    <ThemeIcon variant="light" size={40} radius="md" style={{ flex: "none" }}>
      <Picture size={22} aria-hidden />
    </ThemeIcon>
  );
}

interface TargetHeadProps {
  name: string;
  place: Place;
  children?: ReactNode;
}

export function TargetHead({ name, place, children }: TargetHeadProps) {
  const where = useWhere();
  return (
    <Stack gap={4} miw={0} style={{ flex: 1 }}>
      <Text fw={500} style={{ overflowWrap: "anywhere" }}>
        <Name>{name}</Name>
      </Text>
      <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
        {where(place)}
      </Text>
      {children}
    </Stack>
  );
}

/** `S3 · films at minio.lan` */
export function useWhere(): (place: Place) => string {
  const { t } = useTranslation("panel");
  return (place) => {
    const { what, at } = whereOf(place);
    const where = at === null ? what : t("targets.at", { what, at });
    return place.kind === "folder" ? where : `${t(`targets.kind.${place.kind}`)} · ${where}`;
  };
}
