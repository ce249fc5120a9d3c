// Which page to show: claim an unclaimed box, sign in without a session, else the shell.
import { Center, Loader, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { Redirect, Route, Router, Switch, useLocation } from "wouter";
import { api } from "../api/client";
import { keys } from "../api/keys";
import { suggestLanguage } from "../i18n/start";
import { useSession } from "./session";
import { Shell } from "./Shell";
import { AccountPage } from "./pages/AccountPage";
import { AuditPage } from "./pages/AuditPage";
import { BackupPage } from "./pages/BackupPage";
import { CertificatesPage } from "./pages/CertificatesPage";
import { ClaimPage } from "./pages/ClaimPage";
import { FleetPage } from "./pages/FleetPage";
import { HealthPage } from "./pages/HealthPage";
import { NetworkPage } from "./pages/NetworkPage";
import { PeoplePage } from "./pages/PeoplePage";
import { RecordingPage } from "./pages/RecordingPage";
import { RecordingsPage } from "./pages/RecordingsPage";
import { RoomPage } from "./pages/RoomPage";
import { RoomsPage } from "./pages/RoomsPage";
import { SchedulePage } from "./pages/SchedulePage";
import { SettingsPage } from "./pages/SettingsPage";
import { SignInPage } from "./pages/SignInPage";
import { SignInServicePage } from "./pages/SignInServicePage";
import { StatusPage } from "./pages/StatusPage";
import { StoragePage } from "./pages/StoragePage";
import { UpdatesPage } from "./pages/UpdatesPage";
import { WelcomePage } from "./pages/WelcomePage";
import { NothingHere } from "./parts/EmptyState";
import { Failure } from "./parts/Failure";
import { Permitted } from "./parts/Forbidden";
import { Reload } from "./setup/Reload";
import { TemplatesPage } from "./templates/TemplatesPage";

/** Seldom seen: it comes when somebody goes there. */
const SetupPage = lazy(() => import("./setup/SetupPage").catch(() => ({ default: Reload })));

export function App() {
  return (
    <Router base="/panel">
      <Entrance />
    </Router>
  );
}

function Entrance() {
  const box = useQuery({ queryKey: keys.box, queryFn: api.box });
  const session = useSession();
  const [place] = useLocation();
  const language = box.data?.language ?? null;
  useEffect(() => suggestLanguage(language), [language]);
  const failed = box.error ?? session.error;
  if (failed) {
    return (
      <Center mih="100dvh" p="md">
        <Failure error={failed} retry={() => void Promise.all([box.refetch(), session.refetch()])} />
      </Center>
    );
  }
  if (!box.data || session.data === undefined) {
    return (
      <Center mih="100dvh" role="status" aria-label="Roombox">
        <Loader type="dots" />
      </Center>
    );
  }
  if (!box.data.claimed) return <ClaimPage box={box.data} />;
  // Whoever is signed in may accept an invitation as somebody else.
  if (place === "/welcome") return <WelcomePage box={box.data} />;
  if (session.data === null) return <SignInPage box={box.data} />;
  const me = session.data;
  return (
    <Shell box={box.data} person={me}>
      <Switch>
        <Route path="/rooms" component={RoomsPage} />
        <Route path="/rooms/templates">
          <Permitted action="run_rooms" least="moderator">
            <TemplatesPage />
          </Permitted>
        </Route>
        <Route path="/rooms/:id">{({ id }) => <RoomPage key={id} id={id} />}</Route>
        <Route path="/recordings" component={RecordingsPage} />
        <Route path="/recordings/storage" component={StoragePage} />
        <Route path="/recordings/:id">{({ id }) => <RecordingPage key={id} id={id} />}</Route>
        <Route path="/schedule" component={SchedulePage} />
        <Route path="/status/health">
          <Permitted action="configure" least="operator">
            <HealthPage />
          </Permitted>
        </Route>
        <Route path="/status" component={StatusPage} />
        <Route path="/account">
          <AccountPage me={me} />
        </Route>
        <Route path="/setup/:step?">
          {({ step }) => (
            <Permitted action="configure" least="operator">
              <Suspense fallback={<Skeleton height={360} radius="lg" />}>
                <SetupPage box={box.data} me={me} step={step} />
              </Suspense>
            </Permitted>
          )}
        </Route>
        <Route path="/settings/updates">
          <Permitted action="update" least="operator">
            <UpdatesPage />
          </Permitted>
        </Route>
        <Route path="/settings/certificates">
          <Permitted action="configure" least="operator">
            <CertificatesPage />
          </Permitted>
        </Route>
        <Route path="/settings/network">
          <Permitted action="configure" least="operator">
            <NetworkPage />
          </Permitted>
        </Route>
        <Route path="/settings/fleet">
          <Permitted action="see_fleet" least="operator">
            <FleetPage />
          </Permitted>
        </Route>
        <Route path="/settings/audit">
          <Permitted action="see_audit" least="operator">
            <AuditPage />
          </Permitted>
        </Route>
        <Route path="/settings/people">
          <Permitted action="run_people" least="owner">
            <PeoplePage />
          </Permitted>
        </Route>
        <Route path="/settings/sign-in">
          <Permitted action="run_people" least="owner">
            <SignInServicePage />
          </Permitted>
        </Route>
        <Route path="/settings/backup">
          <Permitted action="back_up" least="owner">
            <BackupPage box={box.data} />
          </Permitted>
        </Route>
        <Route path="/settings">
          <Permitted action="configure" least="operator">
            <SettingsPage box={box.data} />
          </Permitted>
        </Route>
        <Route path="/claim">
          <Redirect to="/rooms" replace />
        </Route>
        <Route path="/">
          <Redirect to="/rooms" replace />
        </Route>
        <Route>
          <NothingHere />
        </Route>
      </Switch>
    </Shell>
  );
}
