// An empty list says what it is for and how to fill it.
import { Button, Paper, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { IconMap2, type Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

interface EmptyStateProps {
  icon: Icon;
  title: string;
  text: string;
  /** The page has no heading of its own. */
  alone?: boolean;
  children?: ReactNode;
}

export function EmptyState({ icon: Picture, title, text, alone = false, children }: EmptyStateProps) {
  return (
    <Paper className="surface" px="md" py={48}>
      <Stack align="center" gap="sm" ta="center">
        <ThemeIcon size={56} radius="xl" variant="light">
          <Picture size={28} stroke={1.6} aria-hidden />
        </ThemeIcon>
        <Title order={alone ? 1 : 2} size="h4">
          {title}
        </Title>
        <Text c="dimmed" maw={440}>
          {text}
        </Text>
        {children}
      </Stack>
    </Paper>
  );
}

export function NothingHere() {
  const { t } = useTranslation("panel");
  return (
    <EmptyState alone icon={IconMap2} title={t("nothing.title")} text={t("nothing.text")}>
      <Button component={Link} href="/rooms">
        {t("nothing.go")}
      </Button>
    </EmptyState>
  );
}
