// One of several things that may hold in a room; applies at once.
import { Select } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "../../api/keys";
import { NARROW } from "../settings/narrow";
import { useReportFailure } from "./Failure";

interface RoomChoiceProps {
  label: string;
  description: string;
  data: { value: string; label: string }[];
  /** As the box says it is. */
  value: string;
  change: (value: string) => Promise<unknown>;
}

export function RoomChoice({ label, description, data, value, change }: RoomChoiceProps) {
  const cache = useQueryClient();
  const report = useReportFailure();
  // Shown at once; what the box says counts.
  const [asked, setAsked] = useState<string>();
  const work = useMutation({
    mutationFn: change,
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.rooms }),
    onError: report,
    onSettled: () => setAsked(undefined),
  });
  return (
    <Select
      label={label}
      description={description}
      allowDeselect={false}
      styles={NARROW}
      data={data}
      value={asked ?? value}
      disabled={asked !== undefined}
      onChange={(wanted) => {
        if (wanted === null || wanted === value) return;
        setAsked(wanted);
        work.mutate(wanted);
      }}
    />
  );
}
