// The panel's pages, each a chunk of its own that comes when somebody goes there. The one to sign in comes with
// the panel: whoever needs it has waited enough.
import { addWords } from "../i18n/start";
import { lazyPage } from "./parts/lazyPage";

export const AccountPage = lazyPage(() => import("./pages/AccountPage").then((page) => page.AccountPage));
export const BackupPage = lazyPage(() => import("./pages/BackupPage").then((page) => page.BackupPage));
export const CertificatesPage = lazyPage(() => import("./pages/CertificatesPage").then((page) => page.CertificatesPage));
export const ClaimPage = lazyPage(() => import("./pages/ClaimPage").then((page) => page.ClaimPage));
export const FleetPage = lazyPage(() => import("./pages/FleetPage").then((page) => page.FleetPage));
export const HealthPage = lazyPage(() => import("./pages/HealthPage").then((page) => page.HealthPage));
export const HomePage = lazyPage(() => import("./pages/HomePage").then((page) => page.HomePage));
export const NetworkPage = lazyPage(() => import("./pages/NetworkPage").then((page) => page.NetworkPage));
export const PeoplePage = lazyPage(() => import("./pages/PeoplePage").then((page) => page.PeoplePage));
export const RecordingPage = lazyPage(() => import("./pages/RecordingPage").then((page) => page.RecordingPage));
export const RecordingsPage = lazyPage(() => import("./pages/RecordingsPage").then((page) => page.RecordingsPage));
export const RoomPage = lazyPage(() => import("./pages/RoomPage").then((page) => page.RoomPage));
export const RoomsPage = lazyPage(() => import("./pages/RoomsPage").then((page) => page.RoomsPage));
export const SchedulePage = lazyPage(() => import("./pages/SchedulePage").then((page) => page.SchedulePage));
export const SettingsPage = lazyPage(() => import("./pages/SettingsPage").then((page) => page.SettingsPage));
export const SignInServicePage = lazyPage(() => import("./pages/SignInServicePage").then((page) => page.SignInServicePage));
export const StatusPage = lazyPage(() => import("./pages/StatusPage").then((page) => page.StatusPage));
export const StoragePage = lazyPage(() => import("./pages/StoragePage").then((page) => page.StoragePage));
export const TemplatesPage = lazyPage(() => import("./templates/TemplatesPage").then((page) => page.TemplatesPage));
export const UpdatesPage = lazyPage(() => import("./pages/UpdatesPage").then((page) => page.UpdatesPage));
export const WelcomePage = lazyPage(() => import("./pages/WelcomePage").then((page) => page.WelcomePage));
/** With its words: most visits to the panel need none of them. */
export const AuditPage = lazyPage(async () => {
  const [page] = await Promise.all([
    import("./pages/AuditPage"),
    addWords("auditLog", {
      en: () => import("../i18n/auditLog.en").then(({ auditLog }) => auditLog),
      de: () => import("../i18n/auditLog.de").then(({ auditLog }) => auditLog),
    }),
  ]);
  return page.AuditPage;
});
/** With its words, too. */
export const SetupPage = lazyPage(async () => {
  const [page] = await Promise.all([
    import("./setup/SetupPage"),
    addWords("setup", {
      en: () => import("../i18n/setup.en").then(({ setup }) => setup),
      de: () => import("../i18n/setup.de").then(({ setup }) => setup),
    }),
  ]);
  return page.SetupPage;
});
