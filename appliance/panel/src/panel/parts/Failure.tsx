// What happened and what to do now.
import { Alert, Button, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useRefusalText } from "../../i18n/refusal";

interface FailureProps {
  error: unknown;
  retry?: () => void;
}

export function Failure({ error, retry }: FailureProps) {
  const { t } = useTranslation("shared");
  const textOf = useRefusalText();
  return (
    <Alert color="red" role="alert" icon={<IconAlertTriangle size={20} aria-hidden />} maw={640}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{textOf(error)}</Text>
        {retry && (
          <Button size="xs" variant="default" onClick={retry}>
            {t("try_again")}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** Says a failure in the corner, for actions without a place of their own. */
export function useReportFailure(): (error: unknown) => void {
  const textOf = useRefusalText();
  const { t } = useTranslation("panel");
  return (error) => {
    notifications.show({
      title: t("failed"),
      message: textOf(error),
      color: "red",
      icon: <IconAlertTriangle size={18} aria-hidden />,
      autoClose: 8_000,
    });
  };
}
