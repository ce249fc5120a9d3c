// The card of the pages before the shell: claim and sign in.
import { Box, Center, Group, Paper, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Appearance } from "./Appearance";
import { Mark } from "./Mark";

export function Entrance({ children }: { children: ReactNode }) {
  return (
    <Box mih="100dvh" px="md" pb="xl">
      <Group component="header" justify="space-between" h={64} maw={520} mx="auto">
        <Group gap="sm">
          <Mark size={32} />
          <Text fw={600}>Roombox</Text>
        </Group>
        <Appearance />
      </Group>
      <Center component="main" mt={{ base: "md", sm: 48 }}>
        <Paper className="surface" p={{ base: "md", xs: "xl" }} w="100%" maw={520}>
          {children}
        </Paper>
      </Center>
    </Box>
  );
}
