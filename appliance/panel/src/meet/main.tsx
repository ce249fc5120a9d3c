// Entry of the meeting page. It shares the API client and the words with the panel, no more.
import "./meet.css";
import "./tools.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { meet as de } from "../i18n/meet.de";
import { meet as en } from "../i18n/meet.en";
import { startWords } from "../i18n/start";
import { meetingAddress } from "./address";
import { Meeting } from "./Meeting";
import { Notice } from "./Notice";

startWords("meet", { en, de });

const address = meetingAddress(location.pathname, location.hash);
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      {address ? <Meeting address={address} /> : <Notice kind="no_room" />}
    </StrictMode>,
  );
}
