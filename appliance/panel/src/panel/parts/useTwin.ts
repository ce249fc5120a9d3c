// What the fleet wants of this box's settings, for who may see the fleet.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Choice, TwinView } from "../../api/schema";
import { useMay } from "../session";

/** A wish of the hub comes at any time; nobody waits for it. */
const LOOK_AGAIN_MS = 5_000;

export function useTwin() {
  const may = useMay();
  const cache = useQueryClient();
  const query = useQuery({
    queryKey: keys.twin,
    queryFn: api.twin,
    refetchInterval: LOOK_AGAIN_MS,
    enabled: may("see_fleet"),
  });
  const learn = async (view: TwinView) => {
    cache.setQueryData(keys.twin, view);
    await cache.invalidateQueries({ queryKey: keys.settings });
  };
  const decide = async (setting: string, choice: Choice) => {
    await learn(await api.decideTwin(setting, choice));
  };
  return { query, learn, decide, decides: may("run_fleet") };
}
