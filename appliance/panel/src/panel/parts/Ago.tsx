import { Text, Tooltip } from "@mantine/core";
import { useNow } from "../now";
import { useFormat } from "../wording";

/** "5 minutes ago", with the exact time on hover and focus. */
export function Ago({ at }: { at: string }) {
  const format = useFormat();
  const now = useNow();
  return (
    <Tooltip label={format.dateTime(at)}>
      <Text component="time" dateTime={at} inherit span>
        {format.relative(at, Math.max(now, Date.parse(at)))}
      </Text>
    </Tooltip>
  );
}

/** Time since `at`, counting. */
export function Elapsed({ since }: { since: string }) {
  const format = useFormat();
  const now = useNow();
  return <>{format.clock(now - Date.parse(since))}</>;
}
