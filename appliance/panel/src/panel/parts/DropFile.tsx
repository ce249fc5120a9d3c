// Where a file is dropped or chosen, and sent at once.
import { Button, Text } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useRef, useState } from "react";

interface DropFileProps {
  may: boolean;
  /** Ending of the files that are meant, with its dot. */
  accept: string;
  /** What to drop here. */
  drop: string;
  choose: string;
  send: (file: File) => void;
}

export function DropFile({ may, accept, drop, choose, send }: DropFileProps) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const take = (file: File | undefined | null) => {
    if (file && may) send(file);
  };
  return (
    <div
      className={over ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(may);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer.files[0]);
      }}
    >
      <IconUpload size={28} stroke={1.6} aria-hidden />
      <Text visibleFrom="sm">{drop}</Text>
      <Button variant="default" disabled={!may} onClick={() => input.current?.click()}>
        {choose}
      </Button>
      <input
        ref={input}
        type="file"
        accept={accept}
        hidden
        aria-label={choose}
        onChange={(event) => {
          take(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
    </div>
  );
}
