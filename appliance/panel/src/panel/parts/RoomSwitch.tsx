// Something about a room that is on or off, and applies at once.
import { Switch } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
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
  // Kept here and not by the mutation, which tells of itself a moment after the click: in between
  // the switch would jump back.
  const [asked, setAsked] = useState<boolean>();
  const work = useMutation({
    mutationFn: change,
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.rooms }),
    onError: report,
    onSettled: () => setAsked(undefined),
  });
  const ask = (wanted: boolean) => {
    setAsked(wanted);
    work.mutate(wanted);
  };
  return (
    <Switch
      label={label}
      description={description}
      // What was asked for is shown at once; what the box says counts.
      checked={asked ?? on}
      disabled={asked !== undefined}
      onChange={(event) => ask(event.currentTarget.checked)}
    />
  );
}
