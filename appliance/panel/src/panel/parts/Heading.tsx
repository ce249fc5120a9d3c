import { Group, Stack, Text, Title } from "@mantine/core";
import { useEffect, type ReactNode } from "react";
import { Name } from "../../Name";

interface HeadingProps {
  title: string;
  lead?: ReactNode;
  children?: ReactNode;
}

// What titles of recordings end with; a line may break at its hyphens else.
const MOMENT = /(\d{4}-\d\d-\d\d(?: \d\d:\d\d)?)/;

/** A title whose dates stay on one line. */
function whole(title: string): ReactNode {
  return title.split(MOMENT).map((part, place) =>
    place % 2 === 0 ? part : (
      <span key={place} style={{ whiteSpace: "nowrap" }}>
        {part}
      </span>
    ),
  );
}

/** The head of a page: its name (also the tab's), one sentence, its main actions. */
export function Heading({ title, lead, children }: HeadingProps) {
  useEffect(() => {
    document.title = `${title} · Roombox`;
  }, [title]);
  return (
    <Group justify="space-between" align="flex-start" mb="lg" gap="sm">
      <Stack gap={4} style={{ flex: "1 1 240px", minWidth: 0 }}>
        <Title order={1} style={{ overflowWrap: "anywhere" }}>
          <Name>{whole(title)}</Name>
        </Title>
        {lead && (
          <Text c="dimmed" component="div">
            {lead}
          </Text>
        )}
      </Stack>
      {children && <Group gap="xs">{children}</Group>}
    </Group>
  );
}
