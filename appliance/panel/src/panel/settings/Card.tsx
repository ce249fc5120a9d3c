import { Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface CardProps {
  title: string;
  text?: string;
  children: ReactNode;
}

export function Card({ title, text, children }: CardProps) {
  return (
    <Paper className="surface" p={{ base: "md", sm: "lg" }} component="section">
      <Stack gap="md">
        <Stack gap={4}>
          <Title order={2} size="h4">
            {title}
          </Title>
          {text && (
            <Text c="dimmed" size="sm">
              {text}
            </Text>
          )}
        </Stack>
        {children}
      </Stack>
    </Paper>
  );
}
