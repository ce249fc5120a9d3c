// Entry of the panel.
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "uplot/dist/uPlot.min.css";
import "./panel.css";
import "./library.css";
import "./schedule.css";
import "./setup/setup.css";
import "./search/search.css";
import "./home.css";
import "./settings/applies.css";
import "./contrast.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Refusal } from "../api/client";
import { keys } from "../api/keys";
import { followContrast } from "../contrast";
import { startWords } from "../i18n/start";
import { sayUnread } from "../i18n/unread";
import { App } from "./App";
import { boxQuery, sessionQuery } from "./session";
import { theme, variables } from "./theme";

followContrast();
const words = startWords("panel", {
  en: () => import("../i18n/panel.en").then(({ panel }) => panel),
  de: () => import("../i18n/panel.de").then(({ panel }) => panel),
});

const cache: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError(error) {
      // The session ended elsewhere: show the sign-in page, not eight errors.
      if (error instanceof Refusal && error.status === 401) cache.setQueryData(keys.session, null);
    },
  }),
  defaultOptions: {
    queries: {
      // The event socket says when something is old.
      staleTime: Infinity,
      retry: (failures, error) =>
        failures < 2 && error instanceof Refusal && (error.status === 0 || error.status >= 502),
    },
  },
});

// Asked while the words are on their way: which page is shown depends on it.
void cache.prefetchQuery(boxQuery);
void cache.prefetchQuery(sessionQuery);

const root = document.getElementById("root");
if (root) {
  const show = () => {
    createRoot(root).render(
      <StrictMode>
        <QueryClientProvider client={cache}>
          <MantineProvider
            theme={theme}
            cssVariablesResolver={variables}
            defaultColorScheme="auto"
          >
            <Notifications position="top-right" />
            <App />
          </MantineProvider>
        </QueryClientProvider>
      </StrictMode>,
    );
  };
  void words.then(show, () => sayUnread(root));
}
