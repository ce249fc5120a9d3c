import { Badge } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";

/** How a state looks. */
export interface StateLook {
  icon: Icon;
  color: string;
}

/** A state has a word, a picture and a colour; none of them alone. */
export function StateBadge({ look, word }: { look: StateLook; word: string }) {
  const { icon: Picture, color } = look;
  return (
    <Badge
      className="state"
      variant="light"
      color={color}
      tt="none"
      leftSection={<Picture size={13} aria-hidden />}
    >
      {word}
    </Badge>
  );
}
