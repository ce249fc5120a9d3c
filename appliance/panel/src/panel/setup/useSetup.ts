// What of the set-up is open, as the box has it: somebody may have gone on with it at another device.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { setup, setupKeys } from "../../api/setup";
import type { SetupPatch } from "../../api/schema";

export function useSetup(enabled = true) {
  return useQuery({
    queryKey: setupKeys.view,
    queryFn: setup.view,
    enabled,
    // No event tells of it, and facts change with a room or a certificate.
    refetchOnMount: "always",
  });
}

export function useSaySetup() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (patch: SetupPatch) => setup.patch(patch),
    onSuccess: (view) => cache.setQueryData(setupKeys.view, view),
  });
}
