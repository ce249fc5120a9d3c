// Whether a room is recorded whenever somebody is in it.
import { Switch } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Room } from "../../api/schema";
import { useReportFailure } from "./Failure";

export function RecordAlways({ room }: { room: Room }) {
  const { t } = useTranslation("panel");
  const cache = useQueryClient();
  const report = useReportFailure();
  const change = useMutation({
    mutationFn: (on: boolean) => api.setRecordAlways(room.id, on),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.rooms }),
    onError: report,
  });
  return (
    <Switch
      label={t("schedule.always")}
      description={t("schedule.always_text")}
      // What was asked for is shown at once; what the box says counts.
      checked={change.isPending ? change.variables : room.record_always}
      disabled={change.isPending}
      onChange={(event) => change.mutate(event.currentTarget.checked)}
    />
  );
}
