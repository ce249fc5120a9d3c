// Tries the way to somebody's server as it is saved, and says what came of it.
import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Failure } from "../parts/Failure";

interface TrialResult {
  works: boolean;
}

interface TrialProps<Result extends TrialResult> {
  /** What the button says, and what stands beside it while there is something to save. */
  words: { button: string; saveFirst: string };
  picture: ReactNode;
  /** There is something that is not saved: what is tried would be something else. */
  dirty: boolean;
  run: () => Promise<Result>;
  children: (result: Result) => ReactNode;
}

export function Trial<Result extends TrialResult>({ words, picture, dirty, run, children }: TrialProps<Result>) {
  const trial = useMutation({ mutationFn: run });
  const { data } = trial;
  const Picture = data?.works ? IconCircleCheck : IconAlertTriangle;
  return (
    <Stack gap="xs" align="flex-start">
      <Group gap="sm">
        <Button
          variant="default"
          disabled={dirty}
          loading={trial.isPending}
          leftSection={picture}
          onClick={() => trial.mutate()}
        >
          {words.button}
        </Button>
        {dirty && (
          <Text size="sm" c="dimmed">
            {words.saveFirst}
          </Text>
        )}
      </Group>
      {trial.error && <Failure error={trial.error} />}
      {data && !dirty && (
        <Alert
          role="status"
          p="xs"
          w="100%"
          color={data.works ? "teal" : "orange"}
          icon={<Picture size={18} aria-hidden />}
        >
          <Stack gap={4}>{children(data)}</Stack>
        </Alert>
      )}
    </Stack>
  );
}
