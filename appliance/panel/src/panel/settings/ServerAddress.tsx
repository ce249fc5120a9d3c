// Host and port of a server that the box speaks to.
import { Group, NumberInput, TextInput } from "@mantine/core";

interface ServerAddressProps {
  host: { label: string; description: string; placeholder: string };
  /** Of the form's field. */
  input: object;
  portLabel: string;
  port: number;
  onPort: (port: number) => void;
}

export function ServerAddress({ host, input, portLabel, port, onPort }: ServerAddressProps) {
  return (
    <Group align="flex-end" gap="md">
      <TextInput {...host} autoComplete="off" flex={1} miw={200} {...input} />
      <NumberInput
        label={portLabel}
        w={120}
        min={1}
        max={65535}
        allowDecimal={false}
        hideControls
        value={port}
        onChange={(value) => onPort(Number(value) || 0)}
      />
    </Group>
  );
}
