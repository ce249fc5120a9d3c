#!/bin/sh
# Installs cargo-deny, which checks licences, bans and sources: three minutes on two cores, because
# it is built without optimisation. It runs for two seconds here.
set -eu
export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off
export CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
exec cargo install --locked --quiet cargo-deny --version 0.20.2
