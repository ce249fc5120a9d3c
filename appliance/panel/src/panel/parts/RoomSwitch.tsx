// Something about a room that is on or off, and applies at once.
import { Switch } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { keys } from "../../api/keys";
import { useReportFailure } from "./Failure";

interface RoomSwitchProps {
  label: string;
  description: string;
  /** As the box says it is. */
  on: boolean;
  change: (on: boolean) => Promise<unknown>;
}

export function RoomSwitch({ label, description, on, change }: RoomSwitchProps) {
  const cache = useQueryClient();
  const report = useReportFailure();
  const work = useMutation({
    mutationFn: change,
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.rooms }),
    onError: report,
  });
  return (
    <Switch
      label={label}
      description={description}
      // What was asked for is shown at once; what the box says counts.
      checked={work.isPending ? work.variables : on}
      disabled={work.isPending}
      onChange={(event) => work.mutate(event.currentTarget.checked)}
    />
  );
}
