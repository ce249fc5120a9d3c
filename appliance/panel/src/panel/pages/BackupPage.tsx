// Backups of the box: making one, what is in it, trying it, restoring it, and taking that back.
import { Stack } from "@mantine/core";
import { useIsMutating, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { BoxView } from "../../api/schema";
import { Before } from "../backup/Before";
import { Lists } from "../backup/Lists";
import { Make } from "../backup/Make";
import { Planned } from "../backup/Planned";
import { Restarting } from "../backup/Restarting";
import { Use } from "../backup/Use";
import { WORK } from "../backup/Working";
import { Detail } from "../parts/Detail";
import { Heading } from "../parts/Heading";

/** While something is being done it is looked at so often. */
const LOOK_MS = 700;

export function BackupPage({ box }: { box: BoxView }) {
  const { t } = useTranslation("panel");
  const asking = useIsMutating({ mutationKey: WORK });
  const backups = useQuery({
    queryKey: keys.backups,
    queryFn: api.backups,
    refetchInterval: ({ state }) => (state.data?.work || asking > 0 ? LOOK_MS : false),
  });
  return (
    <Detail of="settings" query={backups} height={480}>
      {(found) =>
        found.restarting ? (
          <Restarting box={box} />
        ) : (
          <>
            <Heading title={t("backup.title")} lead={t("backup.lead")} />
            <Stack gap="md" maw={760}>
              {found.restored && <Before note={found.restored} until={found.kept_until} />}
              <Planned least={found.passphrase_least} />
              <Make backups={found} />
              <Lists backups={found} />
              <Use backups={found} box={box} />
            </Stack>
          </>
        )
      }
    </Detail>
  );
}
