// Which page to show: claim an unclaimed box, sign in without a session, else the shell.
import { Center, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Suspense, useEffect } from "react";
import { Redirect, Route, Router, Switch, useLocation } from "wouter";
import type { Me } from "../api/schema";
import { suggestLanguage } from "../i18n/start";
import { boxQuery, useSession } from "./session";
import { Shell } from "./Shell";
import {
  AccountPage,
  AuditPage,
  BackupPage,
  CertificatesPage,
  ClaimPage,
  FleetPage,
  HealthPage,
  HomePage,
  NetworkPage,
  PeoplePage,
  RecordingPage,
  RecordingsPage,
  RoomPage,
  RoomsPage,
  SchedulePage,
  SettingsPage,
  SetupPage,
  SignInServicePage,
  StatusPage,
  StoragePage,
  TemplatesPage,
  UpdatesPage,
  WelcomePage,
} from "./pages";
import { SignInPage } from "./pages/SignInPage";
import { NothingHere } from "./parts/EmptyState";
import { Failure } from "./parts/Failure";
import { Permitted } from "./parts/Forbidden";
import { PageAwaited } from "./parts/lazyPage";

export function App() {
  return (
    <Router base="/panel">
      <Entrance />
    </Router>
  );
}

function Entrance() {
  const box = useQuery(boxQuery);
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
    return <BoxAwaited />;
  }
  // Whoever is signed in may accept an invitation as somebody else.
  const Door = !box.data.claimed
    ? ClaimPage
    : place === "/welcome"
      ? WelcomePage
      : session.data === null
        ? SignInPage
        : null;
  if (Door !== null) {
    return (
      <Suspense fallback={<BoxAwaited />}>
        <Door box={box.data} />
      </Suspense>
    );
  }
  const me = session.data as Me;
  return (
    <Shell box={box.data} person={me}>
      <Suspense fallback={<PageAwaited />}>
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
                <SetupPage box={box.data} me={me} step={step} />
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
            <HomePage box={box.data} />
          </Route>
          <Route>
            <NothingHere />
          </Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}

function BoxAwaited() {
  return (
    <Center mih="100dvh" role="status" aria-label="Roombox">
      <Loader type="dots" />
    </Center>
  );
}
