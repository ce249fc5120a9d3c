// Entry of the meeting page. It shares the API client and the words with the panel, no more.
import "./meet.css";
import "./tools.css";
import "./contrast.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { followContrast } from "../contrast";
import { startWords } from "../i18n/start";
import { sayUnread } from "../i18n/unread";
import { meetingAddress } from "./address";
import { Meeting } from "./Meeting";
import { Notice } from "./Notice";

followContrast();
const words = startWords("meet", {
  en: () => import("../i18n/meet.en").then(({ meet }) => meet),
  de: () => import("../i18n/meet.de").then(({ meet }) => meet),
});

const address = meetingAddress(location.pathname, location.hash);
const root = document.getElementById("root");
if (root) {
  const show = () => {
    createRoot(root).render(
      <StrictMode>
        {address ? <Meeting address={address} /> : <Notice kind="no_room" />}
      </StrictMode>,
    );
  };
  void words.then(show, () => sayUnread(root));
}
